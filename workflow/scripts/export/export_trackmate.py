"""Write the TrackMate file of a movie, and the movie beside it."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import json
    from pathlib import Path

    from autonuclei.export.trackmate import write_trackmate
    from autonuclei.export.trackmate_settings import MovieInfo, choose_tracker
    from autonuclei.io.files import read_json
    from autonuclei.io.hyperstack import write_image_movie
    from autonuclei.io.images import PlaneReader, read_movie_page
    from autonuclei.io.label_store import DeferredLabels, LabelStore
    from autonuclei.io.tables import read_table

    movie = snakemake.params.movie
    n_frames, (height, width) = movie["n_frames"], movie["shape"]
    units = {key: movie[key] for key in ("pixel_size_um", "frame_interval_min")}
    with PlaneReader() as read:
        frames = (
            read_movie_page(read, movie["planes"], k, movie["shape"]) for k in range(n_frames)
        )
        write_image_movie(snakemake.output.image, frames, n_frames=n_frames, **units)
    used = read_json(snakemake.input.used)
    with LabelStore(snakemake.input.labels) as masks:
        counts = write_trackmate(
            snakemake.output.xml,
            read_table(snakemake.input.tracks),
            movie=MovieInfo(Path(snakemake.output.image).name, width, height, n_frames, **units),
            labels=DeferredLabels(masks),
            tracker=choose_tracker(used),
            log=f"Linked by autonuclei with {json.dumps(used)}",
        )
    log.info("%s", counts)

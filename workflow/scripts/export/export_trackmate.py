"""Write the TrackMate file of a movie, and the movie beside it."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import json
    from pathlib import Path

    import pandas as pd

    from autonuclei.export.trackmate import LapSettings, MovieInfo, write_trackmate
    from autonuclei.io.hyperstack import write_image_movie
    from autonuclei.io.images import read_label_page, read_movie_page

    movie = snakemake.params.movie
    used = json.loads(Path(snakemake.input.used).read_text())
    units = {key: movie[key] for key in ("pixel_size_um", "frame_interval_min")}
    write_image_movie(
        snakemake.output.image,
        (
            read_movie_page(movie["planes"], frame, movie["shape"])
            for frame in range(movie["n_frames"])
        ),
        n_frames=movie["n_frames"],
        **units,
    )
    tracker = None
    if "max_link_distance" in used:
        tracker = LapSettings(
            linking_max_distance=used["max_link_distance"],
            gap_closing_max_distance=used["max_link_distance"],
            splitting_max_distance=used["max_division_distance"],
            merging_max_distance=used["max_link_distance"],
            max_frame_gap=used["settings"]["max_frame_gap"],
        )
    counts = write_trackmate(
        snakemake.output.xml,
        pd.read_csv(snakemake.input.tracks),
        movie=MovieInfo(
            filename=Path(snakemake.output.image).name,
            width=movie["shape"][1],
            height=movie["shape"][0],
            n_frames=movie["n_frames"],
            **units,
        ),
        read_labels=lambda frame: read_label_page(snakemake.input.labels, frame),
        tracker=tracker,
        log=f"Linked by autonuclei with {json.dumps(used)}",
    )
    log.info("%s", counts)

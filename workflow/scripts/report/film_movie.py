"""Film outlines and tracks over the raw movie."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import pandas as pd

    from autonuclei.io.images import read_label_page, read_movie_page
    from autonuclei.measure.motility import measure_motility
    from autonuclei.report.films import write_outline_film, write_track_film

    movie = snakemake.params.movie

    def read_image(frame):
        return read_movie_page(movie["planes"], frame, movie["shape"])

    units = {key: movie[key] for key in ("pixel_size_um", "frame_interval_min")}
    look = {
        "film_width": snakemake.params.film["width_px"],
        "frames_per_second": snakemake.params.film["frames_per_second"],
    }
    write_outline_film(
        snakemake.output.outlines,
        read_image=read_image,
        read_labels=lambda frame: read_label_page(snakemake.input.labels, frame),
        n_frames=movie["n_frames"],
        **units,
        **look,
    )
    motility = measure_motility(
        pd.read_csv(snakemake.input.tracks),
        frames=sorted(movie["planes"]),
        image_shape=movie["shape"],
        remove_drift=snakemake.params.motility["remove_drift"],
        **units,
    )
    write_track_film(
        snakemake.output.tracks,
        motility.steps,
        read_image=read_image,
        n_frames=movie["n_frames"],
        **units,
        **look,
        tail_frames=snakemake.params.film["tail_frames"],
    )

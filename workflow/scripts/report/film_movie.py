"""Film outlines and tracks over the raw movie."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.images import PlaneReader, read_movie_page
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import read_table
    from autonuclei.measure.motility import measure_motility
    from autonuclei.report.films import FilmSource, write_films

    movie, film = snakemake.params.movie, snakemake.params.film
    motility = measure_motility(
        read_table(snakemake.input.tracks),
        frames=sorted(movie["planes"]),
        image_shape=movie["shape"],
        pixel_size_um=movie["pixel_size_um"],
        frame_interval_min=movie["frame_interval_min"],
        remove_drift=snakemake.params.motility["remove_drift"],
    )
    with PlaneReader() as read, LabelStore(snakemake.input.labels) as masks:
        source = FilmSource(
            lambda frame: read_movie_page(read, movie["planes"], frame, movie["shape"]),
            n_frames=movie["n_frames"],
            units=motility.units,
            width_px=film["width_px"],
            frames_per_second=film["frames_per_second"],
        )
        write_films(
            snakemake.output.outlines,
            snakemake.output.tracks,
            source,
            read_labels=masks.defer,
            steps=motility.steps,
            tail_frames=film["tail_frames"],
        )

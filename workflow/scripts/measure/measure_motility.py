"""Motility tables and figures of a movie."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.files import write_beside
    from autonuclei.io.images import PlaneReader
    from autonuclei.io.tables import read_table
    from autonuclei.measure.motility import mark_frames, measure_motility, write_motility
    from autonuclei.report.motility_figures import draw_motility

    movie = snakemake.params.movie
    motility = measure_motility(
        read_table(snakemake.input.tracks),
        frames=sorted(movie["planes"]),
        image_shape=movie["shape"],
        pixel_size_um=movie["pixel_size_um"],
        frame_interval_min=movie["frame_interval_min"],
        remove_drift=snakemake.params.motility["remove_drift"],
    )
    images = read_table(snakemake.input.quality, text=("quality",))
    motility = mark_frames(motility, dict(zip(images["frame"], images["quality"], strict=True)))
    with write_beside(snakemake.output.folder) as folder, PlaneReader() as read:
        folder.mkdir()
        write_motility(folder, motility, columns=snakemake.params.columns)
        last = movie["planes"][max(movie["planes"])]
        draw_motility(folder, motility, image=read(**last))

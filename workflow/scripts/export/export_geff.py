"""Write the tracks of a movie as GEFF."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.export.geff import write_geff
    from autonuclei.io.tables import read_table

    write_geff(
        snakemake.output.folder,
        read_table(snakemake.input.tracks),
        pixel_size_um=snakemake.params.movie["pixel_size_um"],
        frame_interval_min=snakemake.params.movie["frame_interval_min"],
    )

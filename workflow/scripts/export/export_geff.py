"""Write the tracks of a movie as GEFF."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import pandas as pd

    from autonuclei.export.geff_format import write_geff

    write_geff(
        snakemake.output.folder,
        pd.read_csv(snakemake.input.tracks),
        pixel_size_um=snakemake.params.movie["pixel_size_um"],
        frame_interval_min=snakemake.params.movie["frame_interval_min"],
    )

"""Write the network of an experiment for other programs."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.export.models import export_model
    from autonuclei.io.images import read_plane
    from autonuclei.settings import PreprocessSettings
    from autonuclei.train.networks import choose_device

    params = snakemake.params
    # The checks compare to the last digits, which GPUs do not give.
    log.info("device: %s", choose_device("cpu", snakemake.threads))
    export_model(
        snakemake.output.folder,
        snakemake.input.model,
        read_plane(**params.plane),
        name=snakemake.wildcards.experiment,
        kinds=params.kinds,
        preprocess=PreprocessSettings(**params.preprocess),
        pixel_size_um=params.pixel_size_um,
        threads=snakemake.threads,
        log=log.info,
    )

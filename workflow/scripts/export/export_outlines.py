"""Write the outlines of all nuclei of a sample for Fiji and QuPath."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.export.outlines import write_outlines
    from autonuclei.io.label_store import DeferredLabels, LabelStore
    from autonuclei.io.tables import read_table

    params = snakemake.params
    with LabelStore(snakemake.input.labels, params.names) as masks:
        if params.is_movie:
            images = {snakemake.wildcards.sample: list(params.names)}
        else:
            # Stills that were passed over have no masks.
            images = {name: [frame] for frame, name in params.names.items() if masks.has(frame)}
        write_outlines(
            snakemake.output.folder,
            read_table(snakemake.input.table),
            images=images,
            labels=DeferredLabels(masks),
            is_movie=params.is_movie,
            kinds=params.kinds,
            first_pixel=params.first_pixel,
        )

"""Measure the annotated objects of one image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.candidates import measure_candidates
    from autonuclei.io.images import read_image
    from autonuclei.io.tables import write_table

    table = measure_candidates(
        read_image(snakemake.input.image),
        read_image(snakemake.input.objects),
        frame=snakemake.params.frame,
    )
    log.info("%d objects", len(table))
    write_table(snakemake.output.table, table)

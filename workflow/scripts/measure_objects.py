"""Measure the annotated objects of one image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.images import read_image
    from autonuclei.measurement import measure_objects, write_table

    table = measure_objects(
        read_image(snakemake.input.objects),
        read_image(snakemake.input.image),
        frame=int(snakemake.wildcards.frame),
    )
    log.info("%d objects", len(table["label"]))
    write_table(snakemake.output.table, table)

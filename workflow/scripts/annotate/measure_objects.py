"""Measure the annotated objects of one image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.boundaries import measure_contrast
    from autonuclei.io.images import read_image
    from autonuclei.labels.measurement import measure_objects, write_table

    objects, image = read_image(snakemake.input.objects), read_image(snakemake.input.image)
    table = measure_objects(objects, image, frame=int(snakemake.wildcards.frame))
    table["relative_contrast"] = measure_contrast(image, objects)[table["label"]]
    log.info("%d objects", len(table["label"]))
    write_table(snakemake.output.table, table)

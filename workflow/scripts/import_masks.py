"""Take a label image that the user gives in the place of the annotation."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.evaluation import crop_labels, read_labels, rescale_labels
    from autonuclei.images import write_image

    labels = read_labels(snakemake.input.masks, snakemake.params.page)
    labels = crop_labels(labels, snakemake.params.crop)
    labels = rescale_labels(labels, snakemake.params.scale)
    log.info("largest label %d", labels.max())
    write_image(snakemake.output.labels, labels)

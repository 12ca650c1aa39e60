"""Take a label image that the user gives in the place of the annotation."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.preprocessing import rescale_labels
    from autonuclei.io.images import write_image
    from autonuclei.io.label_images import read_label_image
    from autonuclei.labels.numbers import fit_numbers

    params = snakemake.params
    labels = read_label_image(snakemake.input.masks, params.page, params.window)
    labels = rescale_labels(fit_numbers(labels), params.scale)
    log.info("largest label %d", labels.max())
    write_image(snakemake.output.labels, labels)

"""Take a label image that the user gives in the place of the annotation."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.preprocessing import rescale_labels
    from autonuclei.errors import InputError
    from autonuclei.evaluate.masks import crop_labels, read_labels
    from autonuclei.io.images import write_image

    labels = read_labels(snakemake.input.masks, snakemake.params.page)
    if labels.shape != tuple(snakemake.params.shape) and all(snakemake.params.shape):
        height, width = snakemake.params.shape
        raise InputError(
            f"{snakemake.input.masks}: is {labels.shape[1]} x {labels.shape[0]} pixels, but its "
            f"image {snakemake.params.image} is {width} x {height}. Give the masks of this image."
        )
    labels = crop_labels(labels, snakemake.params.crop)
    labels = rescale_labels(labels, snakemake.params.scale)
    log.info("largest label %d", labels.max())
    write_image(snakemake.output.labels, labels)

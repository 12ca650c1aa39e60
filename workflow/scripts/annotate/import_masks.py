"""Take a label image that the user gives in the place of the annotation."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.preprocessing import preprocess_labels
    from autonuclei.errors import InputError
    from autonuclei.io.images import write_image
    from autonuclei.io.label_images import read_label_image
    from autonuclei.labels.blocks import Block

    labels = read_label_image(snakemake.input.masks, snakemake.params.page)
    if labels.shape != tuple(snakemake.params.shape) and all(snakemake.params.shape):
        height, width = snakemake.params.shape
        raise InputError(
            f"{snakemake.input.masks}: is {labels.shape[1]} x {labels.shape[0]} pixels, but its "
            f"image {snakemake.params.image} is {width} x {height}. Give the masks of this image."
        )
    if snakemake.params.window:
        labels = labels[Block(*snakemake.params.window).slices]
    labels = preprocess_labels(labels, crop=snakemake.params.crop, scale=snakemake.params.scale)
    log.info("largest label %d", labels.max())
    write_image(snakemake.output.labels, labels)

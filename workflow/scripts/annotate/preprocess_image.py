"""Prepare one raw image for annotation."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np

    from autonuclei.annotate.preprocessing import preprocess_image
    from autonuclei.errors import InputError
    from autonuclei.io.images import PlaneReader, check_pixels, write_image

    def check(image):
        # A mosaic has empty corners; a whole image without any contrast is a mistake.
        if not snakemake.params.is_block or image.min() < image.max():
            check_pixels(image, name)

    plane = snakemake.params.plane
    with PlaneReader() as read:
        image = read(**plane)
        name = read.name(**plane)
        problem = read.problem
    try:
        if problem:
            raise InputError(problem)
        check(image)
        prepared = preprocess_image(image, **snakemake.params.preprocess)
        check(prepared)
    except InputError as error:
        if not snakemake.params.skip_unreadable:
            raise
        # Nothing is found in black, and what has no nucleus is not learned from.
        log.warning("passed over, not learned from: %s", error)
        prepared = preprocess_image(np.zeros_like(image), **snakemake.params.preprocess)
    log.info("%s %s to %s %s", image.shape, image.dtype, prepared.shape, prepared.dtype)
    write_image(snakemake.output.image, prepared)

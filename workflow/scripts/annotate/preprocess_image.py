"""Prepare one raw image for annotation."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.preprocessing import preprocess_image
    from autonuclei.io.images import check_pixels, read_plane, write_image

    image = read_plane(**snakemake.params.plane)
    check_pixels(image, snakemake.params.plane["path"])
    prepared = preprocess_image(image, **snakemake.params.preprocess)
    check_pixels(prepared, snakemake.params.plane["path"])
    log.info("%s %s to %s %s", image.shape, image.dtype, prepared.shape, prepared.dtype)
    write_image(snakemake.output.image, prepared)

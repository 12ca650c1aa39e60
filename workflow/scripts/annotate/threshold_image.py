"""Find the foreground of one preprocessed image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.foreground import find_foreground
    from autonuclei.io.images import read_image, write_image

    foreground, threshold = find_foreground(
        read_image(snakemake.input.image),
        smoothing_px=snakemake.params.smoothing_px,
        threshold_factor=snakemake.params.threshold_factor,
        minimum_contrast=snakemake.params.minimum_contrast,
    )
    if foreground.any():
        log.info("threshold %.6g, %.1f %% foreground", threshold, 100 * foreground.mean())
    else:
        log.info("no nucleus: the image has no contrast beyond its noise")
    write_image(snakemake.output.foreground, foreground)

"""Split the foreground of one image into single objects."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotation import split_nuclei
    from autonuclei.images import read_image, write_image

    objects = split_nuclei(
        read_image(snakemake.input.foreground) > 0,
        smoothing=snakemake.params.smoothing,
        minimum_distance=snakemake.params.minimum_distance,
        minimum_area_px=snakemake.params.minimum_area_px,
    )
    log.info("%d objects", objects.max())
    write_image(snakemake.output.objects, objects)

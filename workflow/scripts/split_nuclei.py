"""Split the foreground of one image into single objects and draw their boundaries."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotation import split_nuclei
    from autonuclei.boundaries import refine_boundaries
    from autonuclei.images import read_image, write_image

    objects = split_nuclei(
        read_image(snakemake.input.foreground) > 0,
        smoothing=snakemake.params.smoothing,
        minimum_distance=snakemake.params.minimum_distance,
        minimum_area_px=snakemake.params.minimum_area_px,
    )
    log.info("%d objects", objects.max())
    if snakemake.params.refine_boundaries:
        objects = refine_boundaries(
            read_image(snakemake.input.image), objects, level=snakemake.params.boundary_level
        )
    write_image(snakemake.output.objects, objects)

"""Find the objects of one image that could be nuclei and draw their boundaries."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.proposals import find_objects
    from autonuclei.io.images import read_image, write_image

    objects = find_objects(
        read_image(snakemake.input.image),
        read_image(snakemake.input.foreground) > 0,
        **snakemake.params.find,
    )
    log.info("%d objects", objects.max())
    write_image(snakemake.output.objects, objects)

"""Make the image and labels of one training frame."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.composition import compose_training_pair, make_generator
    from autonuclei.io.images import read_image, write_image

    image, labels = compose_training_pair(
        read_image(snakemake.input.image),
        read_image(snakemake.input.objects),
        read_image(snakemake.input.labels),
        rejected=snakemake.params.rejected,
        noise_grey=snakemake.params.noise_grey,
        rng=make_generator(
            snakemake.params.seed, snakemake.wildcards.sample, snakemake.wildcards.frame
        ),
    )
    log.info("%d nuclei, %.1f %% ignored", labels.max(), 100 * (labels < 0).mean())
    write_image(snakemake.output.image, image)
    write_image(snakemake.output.labels, labels)

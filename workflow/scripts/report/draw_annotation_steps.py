"""Draw the steps of the annotation of one frame, from the image to what is learned from."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.annotate.composition import compose_training_pair, make_generator
    from autonuclei.annotate.proposals import propose_by_level
    from autonuclei.annotate.splitting import place_seeds, split_nuclei
    from autonuclei.io.images import read_image
    from autonuclei.io.tables import read_table
    from autonuclei.report.annotation_figures import (
        AnnotationSteps,
        draw_annotation_steps,
        select_field,
    )
    from autonuclei.report.style import save_figure

    shown, settings = snakemake.params.shown, snakemake.params.settings
    image = read_image(snakemake.input.image)
    objects, nuclei = read_image(snakemake.input.objects), read_image(snakemake.input.labels)
    foreground = read_image(snakemake.input.foreground) > 0
    split = {name: settings[name] for name in ("split_distance", "minimum_area_px")}
    *_, seeds = place_seeds(foreground, **split)
    by_level = None
    if settings["local_levels"]:
        by_level, _ = propose_by_level(
            image,
            refine_boundaries=settings["refine_boundaries"],
            smoothing_px=settings["smoothing_px"],
            **split,
        )
    training_image, training_labels = compose_training_pair(
        image,
        objects,
        nuclei,
        rejected=settings["rejected"],
        noise_grey=settings["noise_grey"],
        rng=make_generator(snakemake.params.seed, shown["sample"], shown["field"]),
    )
    table = read_table(snakemake.input.table, text=("sample", "verdict"))
    figure = draw_annotation_steps(
        AnnotationSteps(
            image=image,
            foreground=foreground,
            seeds=seeds,
            split=split_nuclei(foreground, **split),
            by_level=by_level,
            objects=objects,
            training_image=training_image,
            training_labels=training_labels,
        ),
        select_field(table, shown["sample"], shown["frame"], shown["block"]),
        name=shown["name"],
        pixel_size_um=shown["pixel_size_um"],
    )
    save_figure(figure, [snakemake.output.png])

# Annotation: one job per image and step, from the raw image to a label image of nuclei.


rule preprocess_image:
    """Read, convert and rescale one image; refuse, or make black, what cannot be measured."""
    input:
        image=PLAN.list_frame_files,
    output:
        image="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
    log:
        "<logs>/{experiment}/annotation/{sample}/{frame}/preprocess_image.log",
    benchmark:
        "<logs>/{experiment}/annotation/{sample}/{frame}/preprocess_image.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.preprocessing_mb(60, 3, rescaling=20),
        runtime=NEEDS.frame_min(1, 0.05),
    params:
        plane=PLAN.describe_plane,
        is_block=lambda wildcards: PLAN.get_frame(wildcards).block is not None,
        skip_unreadable=SETTINGS.skip_unreadable,
        preprocess=list_steps(SETTINGS.preprocess),
        code=digest_imports("annotate/preprocess_image"),
    script:
        "../scripts/annotate/preprocess_image.py"


rule threshold_image:
    """Find the foreground with Otsu's threshold."""
    input:
        image="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
    output:
        foreground="<results>/{experiment}/annotation/{sample}/{frame}/foreground.tif",
    log:
        "<logs>/{experiment}/annotation/{sample}/{frame}/threshold_image.log",
    benchmark:
        "<logs>/{experiment}/annotation/{sample}/{frame}/threshold_image.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.frame_mb(85, 22),
        runtime=NEEDS.frame_min(1, 0.05),
    params:
        smoothing_px=SETTINGS.annotate.smoothing_px,
        threshold_factor=SETTINGS.annotate.threshold_factor,
        minimum_contrast=SETTINGS.annotate.minimum_contrast,
        code=digest_imports("annotate/threshold_image"),
    script:
        "../scripts/annotate/threshold_image.py"


rule split_nuclei:
    """Find the objects that could be nuclei, split what touches and draw the boundaries."""
    input:
        image="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
        foreground="<results>/{experiment}/annotation/{sample}/{frame}/foreground.tif",
    output:
        objects="<results>/{experiment}/annotation/{sample}/{frame}/objects.tif",
    log:
        "<logs>/{experiment}/annotation/{sample}/{frame}/split_nuclei.log",
    benchmark:
        "<logs>/{experiment}/annotation/{sample}/{frame}/split_nuclei.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.frame_mb(110, 90),
        runtime=NEEDS.frame_min(1, 0.2),
    params:
        find={
            "local_levels": SETTINGS.annotate.local_levels,
            "smoothing_px": SETTINGS.annotate.smoothing_px,
            "split_distance": SETTINGS.annotate.split_distance,
            "minimum_area_px": SETTINGS.annotate.minimum_area_px,
            "refine_boundaries": SETTINGS.annotate.refine_boundaries,
            "cut_clumps": SETTINGS.annotate.cut_clumps,
            "unusual_nuclei": SETTINGS.annotate.unusual_nuclei,
        },
        code=digest_imports("annotate/split_nuclei"),
    script:
        "../scripts/annotate/split_nuclei.py"


rule measure_objects:
    """Measure every annotated object."""
    input:
        image="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
        objects="<results>/{experiment}/annotation/{sample}/{frame}/objects.tif",
    output:
        table="<results>/{experiment}/annotation/{sample}/{frame}/objects.csv",
    log:
        "<logs>/{experiment}/annotation/{sample}/{frame}/measure_objects.log",
    benchmark:
        "<logs>/{experiment}/annotation/{sample}/{frame}/measure_objects.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.frame_mb(170, 55),
        runtime=NEEDS.frame_min(1, 0.05),
    params:
        frame=lambda wildcards: PLAN.get_frame(wildcards).index,
        code=digest_imports("annotate/measure_objects"),
    script:
        "../scripts/annotate/measure_objects.py"


rule gather_objects:
    """The objects that say what a nucleus is, in one table.

    Snakemake looks for a file among all inputs of the job that makes it, each time it is asked for.
    `select_nuclei` asks for the accepted range once an image: its job has this one input.
    """
    input:
        tables=PLAN.for_frames(
            "<results>/{experiment}/annotation/{sample}/{frame}/objects.csv", PLAN.list_checked
        ),
    output:
        table=temp("<results>/{experiment}/annotation/learned_objects.csv"),
    log:
        "<logs>/{experiment}/annotation/gather_objects.log",
    benchmark:
        "<logs>/{experiment}/annotation/gather_objects.tsv"
    localrule: True
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.objects_mb(180, 1),
        runtime=10,
    params:
        code=digest_imports("annotate/gather_objects"),
    script:
        "../scripts/annotate/gather_objects.py"


rule compute_accepted_range:
    """What counts as a nucleus: near the median of all objects in the training frames."""
    input:
        table="<results>/{experiment}/annotation/learned_objects.csv",
    output:
        accepted_range="<results>/{experiment}/annotation/area_window.json",
    log:
        "<logs>/{experiment}/annotation/compute_accepted_range.log",
    benchmark:
        "<logs>/{experiment}/annotation/compute_accepted_range.tsv"
    localrule: True
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.objects_mb(180, 1),
        runtime=10,
    params:
        tolerances={
            "area_tolerance": SETTINGS.annotate.area_tolerance,
            "area_tolerance_above": SETTINGS.annotate.area_tolerance_above,
            "solidity_tolerance": SETTINGS.annotate.solidity_tolerance,
            "share_at_border": SETTINGS.annotate.share_at_border,
            "minimum_relative_contrast": SETTINGS.annotate.minimum_relative_contrast,
            "unusual_nuclei": SETTINGS.annotate.unusual_nuclei,
        },
        code=digest_imports("annotate/compute_accepted_range"),
    script:
        "../scripts/annotate/compute_accepted_range.py"


rule select_nuclei:
    """Keep the objects with the area and the shape of a nucleus."""
    input:
        objects="<results>/{experiment}/annotation/{sample}/{frame}/objects.tif",
        table="<results>/{experiment}/annotation/{sample}/{frame}/objects.csv",
        accepted_range="<results>/{experiment}/annotation/area_window.json",
    output:
        labels="<results>/{experiment}/annotation/{sample}/{frame}/labels.tif",
    log:
        "<logs>/{experiment}/annotation/{sample}/{frame}/select_nuclei.log",
    benchmark:
        "<logs>/{experiment}/annotation/{sample}/{frame}/select_nuclei.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.frame_mb(170, 11),
        runtime=NEEDS.frame_min(1, 0.05),
    params:
        code=digest_imports("annotate/select_nuclei"),
    script:
        "../scripts/annotate/select_nuclei.py"


rule import_masks:
    """Take masks that the user gives in the place of the annotation."""
    input:
        masks=lambda wildcards: PLAN.get_mask(wildcards).path,
    output:
        labels="<results>/{experiment}/annotation/{sample}/{frame}/masks.tif",
    log:
        "<logs>/{experiment}/annotation/{sample}/{frame}/import_masks.log",
    benchmark:
        "<logs>/{experiment}/annotation/{sample}/{frame}/import_masks.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.frame_mb(100, 30),
        runtime=NEEDS.frame_min(1, 0.05),
    params:
        page=lambda wildcards: PLAN.get_mask(wildcards).page,
        stamp=lambda wildcards: PLAN.get_mask(wildcards).stamp,
        window=PLAN.get_mask_window,
        scale=SETTINGS.preprocess.scale,
        code=digest_imports("annotate/import_masks"),
    script:
        "../scripts/annotate/import_masks.py"


rule compose_training_pair:
    """Make the image and the labels that the network learns from."""
    input:
        image="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
        objects=PLAN.by_masks(
            "<results>/{experiment}/annotation/{sample}/{frame}/objects.tif",
            masks="<results>/{experiment}/annotation/{sample}/{frame}/masks.tif",
        ),
        labels=PLAN.by_masks(
            "<results>/{experiment}/annotation/{sample}/{frame}/labels.tif",
            masks="<results>/{experiment}/annotation/{sample}/{frame}/masks.tif",
        ),
    output:
        image=temp("<results>/{experiment}/annotation/{sample}/{frame}/training_image.tif"),
        labels=temp("<results>/{experiment}/annotation/{sample}/{frame}/training_labels.tif"),
    log:
        "<logs>/{experiment}/annotation/{sample}/{frame}/compose_training_pair.log",
    benchmark:
        "<logs>/{experiment}/annotation/{sample}/{frame}/compose_training_pair.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.frame_mb(65, 22),
        runtime=NEEDS.frame_min(1, 0.05),
    params:
        rejected=SETTINGS.annotate.rejected,
        noise_grey=SETTINGS.annotate.noise_grey,
        seed=SETTINGS.seed,
        code=digest_imports("annotate/compose_training_pair"),
    script:
        "../scripts/annotate/compose_training_pair.py"


rule list_objects:
    """All annotated objects of an experiment with the verdict on each."""
    input:
        tables=PLAN.for_frames(
            "<results>/{experiment}/annotation/{sample}/{frame}/objects.csv", PLAN.list_annotated
        ),
        # The table has a row per object, too many for the report; the range goes there.
        accepted_range=report(
            "<results>/{experiment}/annotation/area_window.json",
            caption="../report/annotation.rst",
            category="1 Annotation",
            subcategory="{experiment}",
            labels={"result": "What counts as a nucleus"},
        ),
    output:
        table="<results>/{experiment}/annotation/objects.csv",
    log:
        "<logs>/{experiment}/annotation/list_objects.log",
    benchmark:
        "<logs>/{experiment}/annotation/list_objects.tsv"
    localrule: True
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.objects_mb(185, 5),
        runtime=10,
    params:
        fields=PLAN.describe_fields,
        columns=PLAN.get_sample_columns,
        code=digest_imports("annotate/list_objects"),
    script:
        "../scripts/annotate/list_objects.py"

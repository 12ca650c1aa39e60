# Quality without a ground truth: indicators per image, and a verdict per experiment.


rule measure_quality:
    """Measure each image of a sample: light, focus, density, agreement with the annotation."""
    input:
        unpack(get_annotation_pairs),
        images=lambda wildcards: list_frame_files(get_sample(wildcards)),
        labels=lambda wildcards: get_labels(wildcards.experiment, wildcards.sample),
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
    output:
        images="<results>/{experiment}/quality/samples/{sample}/images.csv",
        calibration="<results>/{experiment}/quality/samples/{sample}/calibration.csv",
    log:
        "<logs>/{experiment}/quality/{sample}/measure_quality.log",
    benchmark:
        "<logs>/{experiment}/quality/{sample}/measure_quality.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        # Measured: 260 MB for 2048 x 2048 px, 35 MB per megapixel.
        mem_mb=scale_sample_memory(600, 60),
        runtime=grow(60),
    params:
        planes=lambda wildcards: [
            describe_plane(get_sample(wildcards), frame) for frame in get_sample(wildcards).frames
        ],
        frames=lambda wildcards: [frame.index for frame in get_sample(wildcards).frames],
        names=get_frame_names,
        annotated=lambda wildcards: list_compared(get_sample(wildcards)),
        is_movie=lambda wildcards: get_sample(wildcards).kind == "movie",
        preprocess=to_dict(SETTINGS.preprocess),
        code=digest_imports("evaluate/measure_quality"),
    message:
        "Measuring the quality of {wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/evaluate/measure_quality.py"


rule judge_quality:
    """Say whether to trust the result, why, and what to do; with figures."""
    input:
        unpack(get_objects_table),
        images=list_quality_tables("images.csv"),
        calibration=list_quality_tables("calibration.csv"),
        nuclei=lambda wildcards: [
            f"<results>/{wildcards.experiment}/segmentation/{sample.name}/objects.csv"
            for sample in list_samples(wildcards.experiment)
        ],
    output:
        images=report(
            "<results>/{experiment}/quality/images.csv",
            caption="../report/quality_images.rst",
            category="5 Quality",
            subcategory="{experiment}",
            labels={"result": "Indicators of each image (table)"},
        ),
        verdict="<results>/{experiment}/quality/verdict.json",
        checks="<results>/{experiment}/quality/calibration.csv",
        areas=report(
            "<results>/{experiment}/quality/areas.png",
            caption="../report/quality_areas.rst",
            category="5 Quality",
            subcategory="{experiment}",
            labels={"result": "Areas and the window of acceptance"},
        ),
        areas_svg="<results>/{experiment}/quality/areas.svg",
        indicators=report(
            "<results>/{experiment}/quality/indicators.png",
            caption="../report/quality_indicators.rst",
            category="5 Quality",
            subcategory="{experiment}",
            labels={"result": "Indicators of each image"},
        ),
        indicators_svg="<results>/{experiment}/quality/indicators.svg",
        calibration=report(
            "<results>/{experiment}/quality/calibration.png",
            caption="../report/quality_calibration.rst",
            category="5 Quality",
            subcategory="{experiment}",
            labels={"result": "Probability against what was confirmed"},
        ),
        calibration_svg="<results>/{experiment}/quality/calibration.svg",
    log:
        "<logs>/{experiment}/quality/judge_quality.log",
    benchmark:
        "<logs>/{experiment}/quality/judge_quality.tsv"
    localrule: True
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        samples=lambda wildcards: [
            {
                "sample": sample.name,
                "kind": sample.kind,
                "training": list_training(sample),
                "masks": bool(sample.masks),
            }
            for sample in list_samples(wildcards.experiment)
        ],
        model_given=lambda wildcards: wildcards.experiment in SETTINGS.models,
        scale=SETTINGS.preprocess.scale,
        network={
            "patch_px": SETTINGS.train.patch_px,
            "diameter_px": SETTINGS.train.diameter_px,
            "scale": SETTINGS.preprocess.scale,
        },
        code=digest_imports("evaluate/judge_quality"),
    message:
        "Judging the quality of {wildcards.experiment}"
    script:
        "../scripts/evaluate/judge_quality.py"

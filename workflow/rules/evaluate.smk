# Metrics where the sample sheet names a ground truth, and indicators where it does not.


rule evaluate_masks:
    """Compare annotation and segmentation with the ground truth, image by image."""
    input:
        truth=lambda wildcards: [case["truth"] for case in PLAN.list_cases(wildcards)],
        labels=lambda wildcards: [case["labels"] for case in PLAN.list_cases(wildcards)],
    output:
        metrics=report(
            "<results>/{experiment}/evaluation/metrics.csv",
            caption="../report/metrics.rst",
            category="8 Quality",
            subcategory="{experiment}",
            labels={"result": "Metrics of each image (table)"},
        ),
        summary=report(
            "<results>/{experiment}/evaluation/summary.csv",
            caption="../report/metrics_summary.rst",
            category="8 Quality",
            subcategory="{experiment}",
            labels={"result": "Metrics of all images (table)"},
        ),
    log:
        "<logs>/{experiment}/evaluate_masks.log",
    benchmark:
        "<logs>/{experiment}/evaluate_masks.tsv"
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.truth_mb(215, 50, beyond=12),
        runtime=NEEDS.truth_min(10, 0.1),
    params:
        cases=PLAN.list_cases,
        scale=SETTINGS.preprocess.scale,
        columns=PLAN.get_sample_columns,
        code=digest_imports("evaluate/evaluate_masks"),
    script:
        "../scripts/evaluate/evaluate_masks.py"


rule evaluate_tracks:
    """Compare the tracks with true ones, by the measures of the field."""
    input:
        truth=lambda wildcards: PLAN.get_sample(wildcards).truth_tracks,
        found="<results>/{experiment}/tracking/{sample}/ctc",
    output:
        metrics=report(
            "<results>/{experiment}/evaluation/tracks_{sample}.csv",
            caption="../report/track_metrics.rst",
            category="8 Quality",
            subcategory="{experiment}",
            labels={"result": "Tracks against the true ones (table)", "sample": "{sample}"},
        ),
    log:
        "<logs>/{experiment}/tracking/{sample}/evaluate_tracks.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/evaluate_tracks.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.true_tracks_mb(500, 60, 10),
        runtime=NEEDS.sample_min(10, 0.1),
    params:
        window=lambda wildcards: PLAN.get_sample(wildcards).truth_tracks_window,
        columns=PLAN.get_columns,
        code=digest_imports("evaluate/evaluate_tracks"),
    script:
        "../scripts/evaluate/evaluate_tracks.py"


rule measure_quality:
    """Measure each image of a sample: light, focus, density, agreement with the annotation."""
    input:
        objects=PLAN.for_compared(
            "<results>/{experiment}/annotation/{sample}/{frame}/objects.tif",
            masks="<results>/{experiment}/annotation/{sample}/{frame}/masks.tif",
        ),
        nuclei=PLAN.for_compared(
            "<results>/{experiment}/annotation/{sample}/{frame}/labels.tif",
            masks="<results>/{experiment}/annotation/{sample}/{frame}/masks.tif",
        ),
        images=PLAN.list_sample_files,
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
        planes="<results>/{experiment}/segmentation/{sample}/planes.csv",
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
        mem_mb=NEEDS.sample_mb(205, 30, 0.5, beyond=12),
        runtime=grow(60),
    params:
        planes=PLAN.describe_planes,
        names=PLAN.get_names,
        annotated=PLAN.describe_annotated,
        is_movie=lambda wildcards: PLAN.get_sample(wildcards).kind == "movie",
        scale=SETTINGS.preprocess.scale,
        columns=PLAN.get_columns,
        code=digest_imports("evaluate/measure_quality"),
    script:
        "../scripts/evaluate/measure_quality.py"


rule judge_quality:
    """Say whether to trust the result, why, and what to do; with figures."""
    input:
        objects=PLAN.if_annotated("<results>/{experiment}/annotation/objects.csv"),
        accepted_range=PLAN.if_annotated("<results>/{experiment}/annotation/area_window.json"),
        images=PLAN.for_samples("<results>/{experiment}/quality/samples/{sample}/images.csv"),
        calibration=PLAN.for_samples(
            "<results>/{experiment}/quality/samples/{sample}/calibration.csv"
        ),
        nuclei=PLAN.for_samples("<results>/{experiment}/segmentation/{sample}/objects.csv"),
    output:
        images=report(
            "<results>/{experiment}/quality/images.csv",
            caption="../report/quality_images.rst",
            category="8 Quality",
            subcategory="{experiment}",
            labels={"result": "Indicators of each image (table)"},
        ),
        verdict="<results>/{experiment}/quality/verdict.json",
        checks="<results>/{experiment}/quality/calibration.csv",
        areas=report(
            "<results>/{experiment}/quality/areas.png",
            caption="../report/quality_areas.rst",
            category="8 Quality",
            subcategory="{experiment}",
            labels={"result": "Areas, and which count as nuclei"},
        ),
        areas_svg="<results>/{experiment}/quality/areas.svg",
        indicators=report(
            "<results>/{experiment}/quality/indicators.png",
            caption="../report/quality_indicators.rst",
            category="8 Quality",
            subcategory="{experiment}",
            labels={"result": "Indicators of each image"},
        ),
        indicators_svg="<results>/{experiment}/quality/indicators.svg",
        calibration=report(
            "<results>/{experiment}/quality/calibration.png",
            caption="../report/quality_calibration.rst",
            category="8 Quality",
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
        mem_mb=NEEDS.experiment_mb(270, 2),
        runtime=10,
    params:
        samples=PLAN.describe_judged,
        sources=lambda wildcards: {
            sample["sample"]: sample["pixel_size_source"]
            for sample in PLAN.describe_inputs(wildcards)
        },
        model_given=lambda wildcards: not PLAN.has_training(wildcards.experiment),
        settings={
            "patch_px": SETTINGS.train.patch_px,
            "diameter_px": SETTINGS.train.diameter_px,
            "scale": SETTINGS.preprocess.scale,
        },
        columns=PLAN.get_sample_columns,
        code=digest_imports("evaluate/judge_quality"),
    script:
        "../scripts/evaluate/judge_quality.py"

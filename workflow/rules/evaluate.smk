# Metrics where the sample sheet names a ground truth, and indicators where it does not.


rule evaluate_masks:
    """Compare annotation and segmentation with the ground truth, image by image."""
    input:
        truth=lambda wildcards: [case["truth"] for case in list_cases(wildcards)],
        labels=lambda wildcards: [case["labels"] for case in list_cases(wildcards)],
    output:
        metrics=report(
            "<results>/{experiment}/evaluation/metrics.csv",
            caption="../report/metrics.rst",
            category="5 Quality",
            subcategory="{experiment}",
            labels={"result": "Metrics of each image (table)"},
        ),
        summary=report(
            "<results>/{experiment}/evaluation/summary.csv",
            caption="../report/metrics_summary.rst",
            category="5 Quality",
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
        mem_mb=grow(lambda w: SNAKEMAKE_MB + 500 + 120 * max(list_truth_megapixels(w))),
        runtime=grow(lambda w: 10 + 0.1 * sum(list_truth_megapixels(w))),
    params:
        cases=list_cases,
        crop=SETTINGS.preprocess.crop,
        scale=SETTINGS.preprocess.scale,
        code=digest_imports("evaluate/evaluate_masks"),
    message:
        "Comparing {wildcards.experiment} with its ground truth"
    script:
        "../scripts/evaluate/evaluate_masks.py"


rule evaluate_tracks:
    """Compare the tracks with true ones, by the measures of the field."""
    input:
        truth=lambda wildcards: get_sample(wildcards).truth_tracks,
        found="<results>/{experiment}/tracking/{sample}/ctc",
    output:
        metrics=report(
            "<results>/{experiment}/evaluation/tracks_{sample}.csv",
            caption="../report/track_metrics.rst",
            category="5 Quality",
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
        mem_mb=scale_sample_memory(500, 60, 10),
        runtime=scale_sample_runtime(10, 0.1),
    params:
        code=digest_imports("evaluate/evaluate_tracks"),
    message:
        "Comparing the tracks of {wildcards.experiment}/{wildcards.sample} with the true ones"
    script:
        "../scripts/evaluate/evaluate_tracks.py"


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
        planes=lambda wildcards: {
            frame.index: describe_plane(get_sample(wildcards), frame)
            for frame in get_sample(wildcards).frames
        },
        names=get_frame_names,
        annotated=lambda wildcards: list_compared(get_sample(wildcards)),
        is_movie=lambda wildcards: get_sample(wildcards).kind == "movie",
        crop=SETTINGS.preprocess.crop,
        scale=SETTINGS.preprocess.scale,
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
            labels={"result": "Areas, and which count as nuclei"},
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
        settings={
            "patch_px": SETTINGS.train.patch_px,
            "diameter_px": SETTINGS.train.diameter_px,
            "scale": SETTINGS.preprocess.scale,
        },
        code=digest_imports("evaluate/judge_quality"),
    message:
        "Judging the quality of {wildcards.experiment}"
    script:
        "../scripts/evaluate/judge_quality.py"

# Metrics where the sample sheet names a ground truth.


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
        thresholds=[0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95],
        preprocess=to_dict(SETTINGS.preprocess),
        code=digest_imports("evaluate/evaluate_masks"),
    message:
        "Comparing {wildcards.experiment} with its ground truth"
    script:
        "../scripts/evaluate/evaluate_masks.py"


rule plot_f1:
    """Plot F1 over the IoU threshold."""
    input:
        metrics="<results>/{experiment}/evaluation/metrics.csv",
        summary="<results>/{experiment}/evaluation/summary.csv",
    output:
        svg="<results>/{experiment}/evaluation/f1_over_iou.svg",
        png=report(
            "<results>/{experiment}/evaluation/f1_over_iou.png",
            caption="../report/f1_over_iou.rst",
            category="5 Quality",
            subcategory="{experiment}",
            labels={"result": "F1 over the IoU threshold"},
        ),
    log:
        "<logs>/{experiment}/plot_f1.log",
    benchmark:
        "<logs>/{experiment}/plot_f1.tsv"
    localrule: True
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        code=digest_imports("report/plot_f1"),
    message:
        "Plotting F1 of {wildcards.experiment}"
    script:
        "../scripts/report/plot_f1.py"

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
        preprocess=to_dict(SETTINGS.preprocess),
        code=digest_imports("evaluate/evaluate_masks"),
    message:
        "Comparing {wildcards.experiment} with its ground truth"
    script:
        "../scripts/evaluate/evaluate_masks.py"

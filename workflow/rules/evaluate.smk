# Metrics where the sample sheet names a ground truth.


def list_cases(wildcards):
    """Every frame with a ground truth, once per stage: what is compared with what."""
    cases = []
    for sample in list_samples(wildcards.experiment):
        annotated = set(list_annotated(sample))
        labels = get_labels(wildcards.experiment, sample.name)
        folder = f"<results>/{wildcards.experiment}/annotation/{sample.name}"
        for index, truth in sample.truth.items():
            case = {"sample": sample.name, "frame": index, "truth": truth.path}
            case |= {"truth_page": truth.page, "page": 0, "file": ""}
            if index in annotated:
                annotation = f"{folder}/{index:04d}/labels.tif"
                cases.append(case | {"stage": "annotation", "labels": annotation})
            if sample.kind == "stills":
                case["file"] = f"{sample.frame(index).name}.tif"
            else:
                case["page"] = index
            cases.append(case | {"stage": "segmentation", "labels": labels})
    return cases


rule evaluate_masks:
    """Compare annotation and segmentation with the ground truth, image by image."""
    input:
        truth=lambda wildcards: [case["truth"] for case in list_cases(wildcards)],
        labels=lambda wildcards: [case["labels"] for case in list_cases(wildcards)],
    output:
        metrics="<results>/{experiment}/evaluation/metrics.csv",
        summary="<results>/{experiment}/evaluation/summary.csv",
    log:
        "<logs>/{experiment}/evaluate_masks.log",
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=grow(3000),
        runtime=grow(60),
    params:
        cases=list_cases,
        thresholds=SETTINGS["evaluate"]["iou_thresholds"],
        preprocess=SETTINGS["preprocess"],
        code=digest_code("evaluation", "images", "matching", "measurement"),
    message:
        "Comparing {wildcards.experiment} with its ground truth"
    script:
        "../scripts/evaluate_masks.py"


rule plot_f1:
    """Plot F1 over the IoU threshold."""
    input:
        metrics="<results>/{experiment}/evaluation/metrics.csv",
        summary="<results>/{experiment}/evaluation/summary.csv",
    output:
        svg="<results>/{experiment}/evaluation/f1_over_iou.svg",
        png="<results>/{experiment}/evaluation/f1_over_iou.png",
    log:
        "<logs>/{experiment}/plot_f1.log",
    localrule: True
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=digest_code("figures", "measurement"),
    message:
        "Plotting F1 of {wildcards.experiment}"
    script:
        "../scripts/plot_f1.py"

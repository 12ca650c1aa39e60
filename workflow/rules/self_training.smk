# Rounds of self-training: network and classical method check each other's nuclei, and a network
# is trained from scratch on the result. With `self_training: rounds: 0` none of this has a job.


use rule predict_stretch as predict_training_frames with:
    input:
        images=lambda wildcards: list(
            dict.fromkeys(frame.path for frame in list_stretch(wildcards))
        ),
        model=lambda wildcards: list_earlier_rounds("model")(wildcards)[-1],
    output:
        labels=temp("<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.tif"),
        probability=temp(
            "<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.csv"
        ),
        skipped=temp(
            "<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.skipped.csv"
        ),
    log:
        "<logs>/{experiment}/rounds/{round}/network/{sample}/predict_{first}-{last}.log",
    benchmark:
        "<logs>/{experiment}/rounds/{round}/network/{sample}/predict_{first}-{last}.tsv"
    params:
        # What is learned from must be readable.
        skip_unreadable=False,
        refine_boundaries=False,
        minimum_probability=DOUBT_PROBABILITY,
    message:
        "Looking at training frames of {wildcards.experiment}/{wildcards.sample} with the network "
        "before round {wildcards.round}"


rule check_annotation:
    """Annotate a training frame anew: network and classical method check each other."""
    input:
        image="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
        # Not the labels of the first training: they are temporary, and making them anew would
        # train all rounds again when one is added.
        objects="<results>/{experiment}/annotation/{sample}/{frame}/objects.tif",
        nuclei="<results>/{experiment}/annotation/{sample}/{frame}/labels.tif",
        before=get_annotation_before,
        accepted_range="<results>/{experiment}/annotation/area_window.json",
        predicted=get_round_stretch("tif"),
        probability=get_round_stretch("csv"),
    output:
        labels="<results>/{experiment}/rounds/{round}/annotation/{sample}/{frame}/labels.tif",
        changes="<results>/{experiment}/rounds/{round}/annotation/{sample}/{frame}/changes.csv",
    log:
        "<logs>/{experiment}/rounds/{round}/annotation/{sample}/{frame}/check_annotation.log",
    benchmark:
        "<logs>/{experiment}/rounds/{round}/annotation/{sample}/{frame}/check_annotation.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=scale_memory(200, 80),
        runtime=scale_runtime(1, 0.1),
    params:
        # Which page of the prediction is this frame.
        page=find_round_page,
        crop=SETTINGS.preprocess.crop,
        scale=SETTINGS.preprocess.scale,
        code=digest_imports("train/check_annotation"),
    message:
        "Checking frame {wildcards.frame} of {wildcards.experiment}/{wildcards.sample} for round "
        "{wildcards.round}"
    script:
        "../scripts/train/check_annotation.py"


rule list_changes:
    """How many nuclei a round took over, found anew and dropped, frame by frame."""
    input:
        changes=lambda wildcards: [
            f"<results>/{wildcards.experiment}/rounds/{wildcards.round}/annotation/"
            f"{sample.name}/{frame.index:04d}/changes.csv"
            for sample in list_samples(wildcards.experiment)
            for frame in list_checked(sample)
        ],
    output:
        table="<results>/{experiment}/rounds/{round}/changes.csv",
    log:
        "<logs>/{experiment}/rounds/{round}/list_changes.log",
    benchmark:
        "<logs>/{experiment}/rounds/{round}/list_changes.tsv"
    localrule: True
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        code=digest_imports("train/list_changes"),
    message:
        "Listing what round {wildcards.round} of {wildcards.experiment} changed"
    script:
        "../scripts/train/list_changes.py"


rule measure_criterion:
    """How well a network agrees with the annotation of frames that it did not learn from."""
    input:
        images=list_criterion_files("image.tif"),
        objects=list_criterion_files("objects.tif"),
        labels=list_criterion_files("labels.tif"),
        model="<results>/{experiment}/rounds/{round}/model",
    output:
        criterion="<results>/{experiment}/rounds/{round}/criterion.json",
    log:
        "<logs>/{experiment}/rounds/{round}/measure_criterion.log",
    benchmark:
        "<logs>/{experiment}/rounds/{round}/measure_criterion.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 16
    resources:
        mem_mb=grow(estimate_criterion_memory),
        runtime=grow(60),
        gpu=0 if SETTINGS.train.device == "cpu" else 1,
    params:
        device=SETTINGS.train.device,
        code=digest_imports("train/measure_criterion"),
    message:
        "Comparing the network of round {wildcards.round} of {wildcards.experiment} with the "
        "annotation"
    script:
        "../scripts/train/measure_criterion.py"

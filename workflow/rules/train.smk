# Training: a job per experiment and round of self-training, on a GPU where there is one.


rule train_model:
    """Train a StarDist network from scratch.

    The first one, round 0, learns from the annotation, that of a later round from what network and
    annotation agree on; where another round cannot gain, the best network so far is passed on.
    """
    input:
        images=PLAN.for_training(
            "<results>/{experiment}/annotation/{sample}/{frame}/training_image.tif",
            checked="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
        ),
        labels=PLAN.for_training(
            "<results>/{experiment}/annotation/{sample}/{frame}/training_labels.tif",
            checked="<results>/{experiment}/rounds/{round}/annotation/{sample}/{frame}/labels.tif",
        ),
        models=PLAN.for_earlier_rounds("<results>/{experiment}/rounds/{round}/model"),
        histories=PLAN.for_earlier_rounds("<results>/{experiment}/rounds/{round}/loss.csv"),
        criteria=PLAN.for_earlier_rounds("<results>/{experiment}/rounds/{round}/criterion.json"),
        changes=PLAN.if_later_round("<results>/{experiment}/rounds/{round}/changes.csv"),
    output:
        model=directory("<results>/{experiment}/rounds/{round}/model"),
        history="<results>/{experiment}/rounds/{round}/loss.csv",
    log:
        "<logs>/{experiment}/rounds/{round}/train_model.log",
    benchmark:
        "<logs>/{experiment}/rounds/{round}/train_model.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 16
    resources:
        mem_mb=NEEDS.training_mb(1350, 8, on_gpu=1350),
        # A step takes 45 to 80 ms on two cores.
        runtime=grow(30 + SETTINGS.train.epochs * SETTINGS.train.steps_per_epoch / 150),
        gpu=GPUS,
    params:
        settings={key: value for key, value in to_dict(SETTINGS.train).items() if key != "device"},
        device=SETTINGS.train.device,
        seed=SETTINGS.seed,
        code=digest_imports("train/train_model"),
    script:
        "../scripts/train/train_model.py"


rule choose_round:
    """Keep the network of the best round, or of the only one."""
    input:
        models=PLAN.for_rounds("<results>/{experiment}/rounds/{round}/model"),
        histories=PLAN.for_rounds("<results>/{experiment}/rounds/{round}/loss.csv"),
        # One network alone is not compared with anything.
        criteria=PLAN.for_rounds("<results>/{experiment}/rounds/{round}/criterion.json", least=2),
        changes=PLAN.for_rounds("<results>/{experiment}/rounds/{round}/changes.csv", first=1),
    output:
        model=directory("<results>/{experiment}/model"),
        history=report(
            "<results>/{experiment}/training/loss.csv",
            caption="../report/loss_table.rst",
            category="2 Training",
            subcategory="{experiment}",
            labels={"result": "Loss of each epoch (table)"},
        ),
        rounds="<results>/{experiment}/training/rounds.csv",
    log:
        "<logs>/{experiment}/choose_round.log",
    benchmark:
        "<logs>/{experiment}/choose_round.tsv"
    localrule: True
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=155,
        runtime=10,
    params:
        code=digest_imports("train/choose_round"),
    script:
        "../scripts/train/choose_round.py"


# Rounds of self-training: network and annotation check each other, and a network is trained from
# scratch on what they agree on. With `self_training: rounds: 0` none of this has a job.


rule check_annotation:
    """Annotate a training frame anew: network and classical method check each other."""
    input:
        image="<results>/{experiment}/annotation/{sample}/{frame}/image.tif",
        # Not the labels of the first training: they are temporary, and making them anew would
        # train all rounds again when one is added.
        objects="<results>/{experiment}/annotation/{sample}/{frame}/objects.tif",
        nuclei="<results>/{experiment}/annotation/{sample}/{frame}/labels.tif",
        before=PLAN.for_round_before(
            "<results>/{experiment}/rounds/{round}/annotation/{sample}/{frame}/labels.tif", least=1
        ),
        accepted_range="<results>/{experiment}/annotation/area_window.json",
        predicted=PLAN.for_checked_stretch(
            "<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.tif"
        ),
        probability=PLAN.for_checked_stretch(
            "<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.csv"
        ),
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
        mem_mb=NEEDS.frame_mb(200, 80),
        runtime=NEEDS.frame_min(1, 0.1),
    params:
        # Which page of the prediction is this frame.
        page=lambda wildcards: PLAN.find_checked(wildcards)[1],
        scale=SETTINGS.preprocess.scale,
        code=digest_imports("train/check_annotation"),
    script:
        "../scripts/train/check_annotation.py"


rule list_changes:
    """How many nuclei a round took over, found anew and dropped, frame by frame."""
    input:
        changes=PLAN.for_frames(
            "<results>/{experiment}/rounds/{round}/annotation/{sample}/{frame}/changes.csv",
            PLAN.list_checked,
        ),
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
        mem_mb=180,
        runtime=10,
    params:
        code=digest_imports("train/list_changes"),
    script:
        "../scripts/train/list_changes.py"


rule measure_criterion:
    """How well a network agrees with the annotation of frames that it did not learn from."""
    input:
        images=PLAN.for_frames(
            "<results>/{experiment}/annotation/{sample}/{frame}/image.tif", PLAN.list_criterion
        ),
        objects=PLAN.for_frames(
            "<results>/{experiment}/annotation/{sample}/{frame}/objects.tif", PLAN.list_criterion
        ),
        labels=PLAN.for_frames(
            "<results>/{experiment}/annotation/{sample}/{frame}/labels.tif", PLAN.list_criterion
        ),
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
        mem_mb=NEEDS.criterion_mb,
        runtime=grow(60),
        gpu=GPUS,
    params:
        device=SETTINGS.train.device,
        code=digest_imports("train/measure_criterion"),
    script:
        "../scripts/train/measure_criterion.py"

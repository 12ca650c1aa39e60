# Training: a job per experiment and round of self-training, on a GPU where there is one.


rule train_model:
    """Train a StarDist network from scratch.

    The first one, round 0, learns from the annotation, that of a later round from what network and
    annotation agree on; where another round cannot gain, the best network so far is passed on.
    """
    input:
        images=list_round_pairs("image"),
        labels=list_round_pairs("labels"),
        models=list_earlier_rounds("model"),
        histories=list_earlier_rounds("loss.csv"),
        criteria=list_earlier_rounds("criterion.json"),
        changes=list_round_changes,
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
        mem_mb=grow(lambda w: SNAKEMAKE_MB + 2700 + 30 * count_training_megapixels(w)),
        # A step takes 45 to 80 ms on two cores.
        runtime=grow(30 + SETTINGS.train.epochs * SETTINGS.train.steps_per_epoch / 150),
        gpu=0 if SETTINGS.train.device == "cpu" else 1,
    params:
        settings={key: value for key, value in to_dict(SETTINGS.train).items() if key != "device"},
        device=SETTINGS.train.device,
        seed=SETTINGS.seed,
        code=digest_imports("train/train_model"),
    message:
        "Training the network of {wildcards.experiment}, round {wildcards.round}"
    script:
        "../scripts/train/train_model.py"


rule choose_round:
    """Keep the network of the best round, or of the only one."""
    input:
        models=list_all_rounds("model"),
        histories=list_all_rounds("loss.csv"),
        criteria=list_criteria,
        changes=lambda wildcards: list_all_rounds("changes.csv")(wildcards)[1:],
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
        mem_mb=500,
        runtime=10,
    params:
        code=digest_imports("train/choose_round"),
    message:
        "Choosing the network of {wildcards.experiment}"
    script:
        "../scripts/train/choose_round.py"

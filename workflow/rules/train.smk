# Training: one job per experiment, on a GPU where there is one.


rule train_model:
    """Train a StarDist network from scratch on the annotated frames of the experiment."""
    input:
        images=lambda wildcards: list_frame_results(
            wildcards.experiment, "training_image.tif", list_training
        ),
        labels=lambda wildcards: list_frame_results(
            wildcards.experiment, "training_labels.tif", list_training
        ),
    output:
        model=directory("<results>/{experiment}/model"),
        history=report(
            "<results>/{experiment}/training/loss.csv",
            caption="../report/loss_table.rst",
            category="2 Training",
            subcategory="{experiment}",
            labels={"result": "Loss of each epoch (table)"},
        ),
    log:
        "<logs>/{experiment}/train_model.log",
    benchmark:
        "<logs>/{experiment}/train_model.tsv"
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
        "Training the network of {wildcards.experiment}"
    script:
        "../scripts/train/train_model.py"


rule plot_loss:
    """Plot the loss over the epochs."""
    input:
        history="<results>/{experiment}/training/loss.csv",
    output:
        svg="<results>/{experiment}/training/loss.svg",
        png=report(
            "<results>/{experiment}/training/loss.png",
            caption="../report/loss.rst",
            category="2 Training",
            subcategory="{experiment}",
            labels={"result": "Loss over the epochs"},
        ),
    log:
        "<logs>/{experiment}/plot_loss.log",
    benchmark:
        "<logs>/{experiment}/plot_loss.tsv"
    localrule: True
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        code=digest_imports("report/plot_loss"),
    message:
        "Plotting the loss of {wildcards.experiment}"
    script:
        "../scripts/report/plot_loss.py"

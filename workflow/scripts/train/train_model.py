"""Train the network of an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import shutil
    import sys
    from pathlib import Path

    from autonuclei.annotate.preprocessing import normalize_image
    from autonuclei.errors import InputError
    from autonuclei.io.files import write_beside
    from autonuclei.io.images import read_image
    from autonuclei.labels.measurement import read_table, write_table
    from autonuclei.train.networks import choose_device
    from autonuclei.train.self_training import can_gain, find_best_round, read_criterion
    from autonuclei.train.training import TrainingSettings, train_model

    # Only a round of self-training has rounds before it.
    criteria = [read_criterion(path) for path in snakemake.input.get("criteria", [])]
    changes = [read_table(path) for path in snakemake.input.get("changes", [])]
    n_nuclei, changed_px = (
        sum(int(t[name].sum()) for t in changes) for name in ("n_after", "changed_px")
    )
    if criteria and not can_gain(criteria, n_nuclei=n_nuclei, changed_px=changed_px):
        best = find_best_round(criteria)
        log.info("no training: %d nuclei, %d pixels changed", n_nuclei, changed_px)
        log.info("criterion by round: %s; the network of round %d is passed on", criteria, best)
        with write_beside(snakemake.output.model) as partial:
            shutil.copytree(snakemake.input.models[best], partial)
        with write_beside(snakemake.output.history) as partial:
            shutil.copyfile(snakemake.input.histories[best], partial)
        sys.exit()

    pairs, empty = [], 0
    for image, labels in zip(snakemake.input.images, snakemake.input.labels, strict=True):
        annotated = read_image(labels)
        if (annotated > 0).any():
            pairs.append((normalize_image(read_image(image)), annotated))
        else:
            empty += 1
    if not pairs:
        raise InputError(
            f"experiment {snakemake.wildcards.experiment}: none of the {empty} training images has "
            "a nucleus. Look at results/*/annotation, change 'annotate' in the configuration or "
            "choose other frames in the column 'train'."
        )
    if empty:
        log.info("%d image(s) without a nucleus take no part", empty)
    log.info("device: %s", choose_device(snakemake.params.device, snakemake.threads))
    history = train_model(
        pairs,
        folder=snakemake.output.model,
        # Not an output: Snakemake removes those when a job fails.
        checkpoint=Path(snakemake.output.history).with_name("checkpoint.npz"),
        settings=TrainingSettings(**snakemake.params.settings),
        seed=snakemake.params.seed,
        log=log.info,
    )
    write_table(snakemake.output.history, history)

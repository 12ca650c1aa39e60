"""Train the network of a round, or pass the best one so far on."""

from autonuclei.jobs import log_job, tell_now_and_then

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    from autonuclei.errors import InputError
    from autonuclei.io.images import read_image
    from autonuclei.io.tables import read_table, write_table
    from autonuclei.settings import TrainSettings
    from autonuclei.train.networks import choose_device
    from autonuclei.train.rounds import can_gain, copy_network, find_best_round, read_criterion
    from autonuclei.train.training import train_model

    def read_pairs():
        """The images with a nucleus, and their labels."""
        found = empty = 0
        for image, labels in zip(snakemake.input.images, snakemake.input.labels, strict=True):
            annotated = read_image(labels)
            if (annotated > 0).any():
                found += 1
                yield read_image(image), annotated
            else:
                empty += 1
        if not found:
            raise InputError(
                f"experiment {snakemake.wildcards.experiment}: none of the {empty} training images "
                "has a nucleus. Look at results/*/annotation, change 'annotate' in the "
                "configuration or choose other frames in the column 'train'."
            )
        if empty:
            log.info("%d image(s) without a nucleus take no part", empty)

    def train():
        log.info("device: %s", choose_device(snakemake.params.device, snakemake.threads))
        history = train_model(
            read_pairs(),
            snakemake.output.model,
            # Not an output: Snakemake removes those when a job fails.
            checkpoint=Path(snakemake.output.history).with_name("checkpoint.npz"),
            settings=TrainSettings(**snakemake.params.settings),
            seed=snakemake.params.seed,
            log=log.info,
            tell=tell_now_and_then(log, f"Training of {snakemake.wildcards.experiment}"),
        )
        write_table(snakemake.output.history, history)

    # None before the first training.
    criteria = [read_criterion(path) for path in snakemake.input.criteria]
    changes = [read_table(path) for path in snakemake.input.changes]
    n_nuclei, changed_px = (
        sum(int(table[name].sum()) for table in changes) for name in ("n_after", "changed_px")
    )
    if can_gain(criteria, n_nuclei=n_nuclei, changed_px=changed_px):
        train()
    else:
        best = find_best_round(criteria)
        log.info("no training: %d nuclei, %d pixels changed", n_nuclei, changed_px)
        log.info("criterion by round: %s; the network of round %d is passed on", criteria, best)
        copy_network(
            snakemake.input.models[best],
            snakemake.input.histories[best],
            to_model=snakemake.output.model,
            to_history=snakemake.output.history,
        )

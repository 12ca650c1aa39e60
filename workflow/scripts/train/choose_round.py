"""Keep the network of the best round."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import shutil

    import numpy as np

    from autonuclei.io.files import write_beside
    from autonuclei.labels.measurement import read_table, write_table
    from autonuclei.train.self_training import find_best_round, read_criterion

    criteria = [read_criterion(path) for path in snakemake.input.criteria]
    best = find_best_round(criteria)
    log.info("criterion by round: %s; kept: round %d", criteria, best)
    with write_beside(snakemake.output.model) as partial:
        shutil.copytree(snakemake.input.models[best], partial)
    with write_beside(snakemake.output.history) as partial:
        shutil.copyfile(snakemake.input.histories[best], partial)
    changes = [read_table(path) for path in snakemake.input.changes]
    rounds = np.arange(len(snakemake.input.models))
    # A single round is not compared with anything.
    agreement = np.array(criteria or [np.nan])
    table = {"round": rounds, "agreement": agreement, "is_kept": rounds == best}
    for name in ("n_before", "n_after", "n_kept", "n_dropped", "n_new", "changed_px"):
        table[name] = np.array([np.nan, *(float(change[name].sum()) for change in changes)])
    write_table(snakemake.output.rounds, table)

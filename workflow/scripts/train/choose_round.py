"""Keep the network of the best round."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import pandas as pd

    from autonuclei.io.tables import read_table, write_table
    from autonuclei.train.rounds import copy_network, find_best_round, read_criterion

    criteria = [read_criterion(path) for path in snakemake.input.criteria]
    best = find_best_round(criteria)
    log.info("criterion by round: %s; kept: round %d", criteria, best)
    copy_network(
        snakemake.input.models[best],
        snakemake.input.histories[best],
        to_model=snakemake.output.model,
        to_history=snakemake.output.history,
    )
    changes = [read_table(path) for path in snakemake.input.changes]
    rounds = np.arange(len(snakemake.input.models))
    # A single round is not compared with anything.
    table = {"round": rounds, "agreement": criteria or [np.nan], "is_kept": rounds == best}
    for name in ("n_before", "n_after", "n_kept", "n_dropped", "n_new", "changed_px"):
        table[name] = [np.nan, *(float(change[name].sum()) for change in changes)]
    write_table(snakemake.output.rounds, pd.DataFrame(table))

"""Compare the tracks of a movie with true ones."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import pandas as pd

    from autonuclei.evaluate.tracks import evaluate_ctc_folders
    from autonuclei.io.tables import add_columns, write_table

    metrics = evaluate_ctc_folders(
        snakemake.input.truth, snakemake.input.found, window=snakemake.params.window
    )
    log.info("%s", metrics)
    table = add_columns(pd.DataFrame([metrics]), snakemake.params.columns)
    write_table(snakemake.output.metrics, table)

"""Compare the tracks of a movie with true ones."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.measurement import write_table
    from autonuclei.track_evaluation import evaluate_ctc_folders

    metrics = evaluate_ctc_folders(snakemake.input.truth, snakemake.input.found)
    log.info("%s", metrics)
    write_table(snakemake.output.metrics, {name: [value] for name, value in metrics.items()})

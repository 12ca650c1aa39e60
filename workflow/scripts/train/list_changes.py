"""Join what a round changed in each frame."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.io.tables import concatenate_tables, read_table, write_table

    changes = concatenate_tables(
        [read_table(path, text=["sample"]) for path in snakemake.input.changes]
    )
    log.info("%s", changes.drop(columns=["round", "sample", "frame"]).sum().to_dict())
    write_table(snakemake.output.table, changes)

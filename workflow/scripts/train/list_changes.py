"""Join what a round changed in each frame."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.labels.measurement import concatenate_tables, read_table, write_table

    tables = [read_table(path, text=["sample"]) for path in snakemake.input.changes]
    joined = concatenate_tables(tables, tuple(tables[0]))
    log.info(
        "%s",
        {
            name: int(n.sum())
            for name, n in joined.items()
            if name not in ("round", "sample", "frame")
        },
    )
    write_table(snakemake.output.table, joined)

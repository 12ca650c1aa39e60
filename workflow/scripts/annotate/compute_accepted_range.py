"""What counts as a nucleus in an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.selection import (
        CANDIDATE_COLUMNS,
        compute_accepted_range,
        write_accepted_range,
    )
    from autonuclei.io.tables import concatenate_tables, read_table

    tables = [read_table(path) for path in snakemake.input.tables]
    accepted_range = compute_accepted_range(
        concatenate_tables(tables, CANDIDATE_COLUMNS), **snakemake.params.tolerances
    )
    log.info("%s", accepted_range)
    write_accepted_range(snakemake.output.accepted_range, accepted_range)

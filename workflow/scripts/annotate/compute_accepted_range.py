"""What counts as a nucleus in an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.selection import compute_accepted_range, write_accepted_range
    from autonuclei.io.tables import read_table

    accepted_range = compute_accepted_range(
        read_table(snakemake.input.table), **snakemake.params.tolerances
    )
    log.info("%s", accepted_range)
    write_accepted_range(snakemake.output.accepted_range, accepted_range)

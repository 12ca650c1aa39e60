"""Name what is missing of an unfinished run."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.tables import write_table
    from autonuclei.report.overview import tabulate_unfinished

    write_table(snakemake.output.table, tabulate_unfinished(snakemake.params.missing))

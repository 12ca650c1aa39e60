"""The objects of all images that say what a nucleus is, in one table."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.selection import CANDIDATE_COLUMNS
    from autonuclei.io.tables import concatenate_tables, read_table, write_table

    tables = [read_table(path) for path in snakemake.input.tables]
    objects = concatenate_tables(tables, CANDIDATE_COLUMNS)
    log.info("%d objects of %d images", len(objects), len(tables))
    write_table(snakemake.output.table, objects)

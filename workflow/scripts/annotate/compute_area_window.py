"""The area window of an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.selection import compute_area_window, write_window
    from autonuclei.labels.measurement import ANNOTATION_COLUMNS, concatenate_tables, read_table

    tables = [read_table(path) for path in snakemake.input.tables]
    objects = concatenate_tables(tables, ANNOTATION_COLUMNS)
    window = compute_area_window(
        objects,
        snakemake.params.tolerance,
        tolerance_above=snakemake.params.tolerance_above,
        solidity_tolerance=snakemake.params.solidity_tolerance,
        share_at_border=snakemake.params.share_at_border,
        minimum_relative_contrast=snakemake.params.minimum_relative_contrast,
    )
    log.info("%s", window)
    write_window(snakemake.output.window, window)

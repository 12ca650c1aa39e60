"""The area window of an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.measurement import concatenate_tables, read_table
    from autonuclei.selection import compute_area_window, write_window

    objects = concatenate_tables([read_table(path) for path in snakemake.input.tables])
    window = compute_area_window(
        objects["area_px"],
        snakemake.params.tolerance,
        tolerance_above=snakemake.params.tolerance_above,
        solidities=objects["solidity"],
        solidity_tolerance=snakemake.params.solidity_tolerance,
    )
    log.info("%s", window)
    write_window(snakemake.output.window, window)

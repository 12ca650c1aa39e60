"""All annotated objects of an experiment with the verdict on each."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np

    from autonuclei.annotate.selection import judge_objects, read_window
    from autonuclei.labels.measurement import (
        ANNOTATION_COLUMNS,
        concatenate_tables,
        read_table,
        write_table,
    )

    tables = []
    for (sample, _), path in zip(snakemake.params.frames, snakemake.input.tables, strict=True):
        table = read_table(path)
        n = len(table["label"])
        tables.append({"sample": np.full(n, sample, dtype=f"U{len(sample)}")} | table)
    objects = concatenate_tables(tables, ("sample", *ANNOTATION_COLUMNS))
    objects["verdict"] = judge_objects(objects, read_window(snakemake.input.window))
    verdicts, counts = np.unique(objects["verdict"], return_counts=True)
    log.info("%s", dict(zip(verdicts.tolist(), counts.tolist(), strict=True)))
    write_table(snakemake.output.table, objects)

"""All annotated objects of an experiment with the verdict on each."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.selection import (
        CANDIDATE_COLUMNS,
        judge_objects,
        read_accepted_range,
    )
    from autonuclei.io.tables import (
        add_sample_columns,
        concatenate_tables,
        read_table,
        write_table,
    )

    accepted_range = read_accepted_range(snakemake.input.accepted_range)
    tables = []
    for field, path in zip(snakemake.params.fields, snakemake.input.tables, strict=True):
        table = read_table(path)
        table["verdict"] = judge_objects(table, accepted_range)
        for place, (name, value) in enumerate(field.items()):
            table.insert(place, name, value)
        tables.append(table)
    objects = concatenate_tables(tables, ("sample", *CANDIDATE_COLUMNS, "verdict"))
    log.info("%s", objects["verdict"].value_counts(sort=False).sort_index().to_dict())
    write_table(snakemake.output.table, add_sample_columns(objects, snakemake.params.columns))

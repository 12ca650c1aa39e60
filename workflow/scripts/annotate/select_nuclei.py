"""Keep the objects of one image that count as nuclei."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.selection import (
        ACCEPTED,
        judge_objects,
        keep_accepted,
        read_accepted_range,
    )
    from autonuclei.io.images import read_image, write_image
    from autonuclei.io.tables import read_table

    table = read_table(snakemake.input.table)
    accepted_range = read_accepted_range(snakemake.input.accepted_range)
    table["verdict"] = judge_objects(table, accepted_range)
    log.info("%d of %d objects accepted", (table["verdict"] == ACCEPTED).sum(), len(table))
    write_image(snakemake.output.labels, keep_accepted(read_image(snakemake.input.objects), table))

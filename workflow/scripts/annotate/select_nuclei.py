"""Keep the objects of one image that count as nuclei."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.annotate.selection import ACCEPTED, judge_objects, read_window
    from autonuclei.io.images import read_image, write_image
    from autonuclei.labels.measurement import read_table
    from autonuclei.labels.numbers import keep_labels

    table = read_table(snakemake.input.table)
    verdict = judge_objects(table, read_window(snakemake.input.window))
    accepted = table["label"][verdict == ACCEPTED]
    log.info("%d of %d objects accepted", len(accepted), len(verdict))
    write_image(snakemake.output.labels, keep_labels(read_image(snakemake.input.objects), accepted))

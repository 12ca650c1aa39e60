"""Annotate one training frame anew with the help of the network."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import pandas as pd

    from autonuclei.annotate.composition import label_training
    from autonuclei.annotate.preprocessing import rescale_labels
    from autonuclei.annotate.selection import read_accepted_range
    from autonuclei.io.images import read_image, write_image
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import read_table, write_table
    from autonuclei.train.self_training import check_annotation, count_changes

    # The network has looked at the raw image, the annotation is in the pixels of training.
    with LabelStore(snakemake.input.predicted) as pages:
        predicted = rescale_labels(pages.read(snakemake.params.page), snakemake.params.scale)
    table = read_table(snakemake.input.probability)
    # Its frames go by their place, as the pages do.
    of_frame = table["frame"] == snakemake.params.page
    objects = read_image(snakemake.input.objects)
    first = label_training(objects, read_image(snakemake.input.nuclei), ignore=True)
    labels = check_annotation(
        read_image(snakemake.input.image),
        first,
        objects,
        predicted,
        table["probability"][of_frame].to_numpy(),
        read_accepted_range(snakemake.input.accepted_range),
    )
    before = read_image(snakemake.input.before) if snakemake.input.before else first
    changes = count_changes(before, labels)
    log.info("%s; %.1f %% of the pixels ignored", changes, 100 * (labels < 0).mean())
    write_image(snakemake.output.labels, labels)
    place = {name: snakemake.wildcards[name] for name in ("round", "sample", "frame")}
    write_table(snakemake.output.changes, pd.DataFrame([place | changes]))

"""Count objects and nuclei, image by image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import (
        add_sample_columns,
        concatenate_tables,
        read_table,
        write_table,
    )
    from autonuclei.report.segmentation_figures import count_objects, draw_counts
    from autonuclei.report.style import save_figure
    from autonuclei.segment.planes import TEXT_COLUMNS

    frames, predicted, quality = [], {}, []
    for sample, labels, planes, table, images in zip(
        snakemake.params.samples,
        snakemake.input.labels,
        snakemake.input.planes,
        snakemake.input.tables,
        snakemake.input.quality,
        strict=True,
    ):
        predicted[sample["sample"]] = read_table(table)
        own = read_table(images, text=("quality",))[["frame", "quality"]]
        quality.append(own.assign(sample=sample["sample"]))
        read = read_table(planes, text=TEXT_COLUMNS)
        # A frame of a movie that was passed over has masks without a nucleus.
        passed_over = set(read["frame"][read["sha256"] == ""])
        with LabelStore(labels, sample["names"]) as masks:
            frames += [
                {
                    "sample": sample["sample"],
                    "frame": frame,
                    "annotated": frame in sample["annotated"],
                    "segmented": frame not in passed_over and masks.has(frame),
                }
                for frame in sample["names"]
            ]
    objects = snakemake.input.get("objects")
    counts = count_objects(
        frames, read_table(objects, text=("sample", "verdict")) if objects else None, predicted
    )
    counts = counts.merge(
        concatenate_tables(quality), on=["sample", "frame"], how="left", validate="1:1"
    )
    write_table(snakemake.output.table, add_sample_columns(counts, snakemake.params.columns))
    figure = draw_counts(counts, title=snakemake.wildcards.experiment)
    save_figure(figure, [snakemake.output.svg, snakemake.output.png])

"""Compare masks with the ground truth, image by image and pooled."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    from autonuclei.annotate.preprocessing import rescale_labels
    from autonuclei.errors import InputError
    from autonuclei.evaluate.masks import (
        crop_labels,
        read_labels,
        summarize_rows,
        tabulate_rows,
    )
    from autonuclei.io.images import read_plane
    from autonuclei.labels.matching import add_metrics, compare_labels
    from autonuclei.labels.measurement import write_table

    crop = snakemake.params.preprocess["crop"]
    scale = snakemake.params.preprocess["scale"]
    rows = []
    for case, truth_path, labels_path in zip(
        snakemake.params.cases, snakemake.input.truth, snakemake.input.labels, strict=True
    ):
        if not Path(labels_path, case["file"]).exists():
            # `check_stills` fails for it.
            log.info("%s: its image was passed over", truth_path)
            continue
        truth = crop_labels(read_labels(truth_path, case["truth_page"]), crop)
        found = read_plane(Path(labels_path, case["file"]), frame=case["page"]).astype("int32")
        if case["stage"] == "annotation":
            truth = rescale_labels(truth, scale)  # the annotation is in the pixels of training
        else:
            found = crop_labels(found, crop)
        if truth.shape != found.shape:
            raise InputError(
                f"{truth_path}: is {truth.shape[1]} x {truth.shape[0]} pixels, but its "
                f"image is {found.shape[1]} x {found.shape[0]}. Give the masks of this image."
            )
        name = {"stage": case["stage"], "sample": case["sample"], "frame": case["frame"]}
        found_rows = compare_labels(truth, found, snakemake.params.thresholds)
        rows += [name | row for row in found_rows]
        log.info(
            "%s: F1 %.3f at IoU %.2f", name, add_metrics(found_rows[0])["f1"], found_rows[0]["iou"]
        )
    first = ("stage", "sample", "frame")
    per_image = [{key: row[key] for key in first} | add_metrics(row) for row in rows]
    write_table(snakemake.output.metrics, tabulate_rows(per_image, first))
    summary = summarize_rows(rows)
    write_table(snakemake.output.summary, tabulate_rows(summary, ("stage", "n_images")))

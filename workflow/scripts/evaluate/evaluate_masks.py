"""Compare masks with the ground truth, image by image and pooled."""

from autonuclei.jobs import TOLD, log_job

with log_job(snakemake.log[0]) as log:
    import itertools

    import numpy as np

    from autonuclei.evaluate.masks import (
        ANNOTATION,
        SEGMENTATION,
        compare_with_truth,
        doubt_truth,
        measure_shift,
    )
    from autonuclei.io.images import read_image
    from autonuclei.io.label_images import LabelReader
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import add_sample_columns, concatenate_tables, write_table
    from autonuclei.labels.matching import COUNT_COLUMNS, SUMS, compute_metrics, pool_counts

    place = ("stage", "sample", "frame")

    def open_masks(cases):
        """The segmentation of a sample, opened once for all its frames."""
        names = {case["frame"]: case["name"] for case in cases}
        (path,) = {case["labels"] for case in cases if case["stage"] == SEGMENTATION}
        return LabelStore(path, names)

    def compare(case, read_truth, masks):
        is_annotation = case["stage"] == ANNOTATION
        if not is_annotation and not masks.has(case["frame"]):
            log.info("%s: its image was passed over", case["truth"])
            return []
        truth = read_truth(case["truth"], case["truth_page"], case["truth_window"])
        found = read_image(case["labels"]) if is_annotation else masks.read(case["frame"])
        counts = compare_with_truth(
            truth,
            found,
            stage=case["stage"],
            scale=snakemake.params.scale,
            name=case["truth"],
        ).assign(**{key: case[key] for key in place})
        metrics = compute_metrics(counts).iloc[0]
        log.info(
            "%s: %s has F1 %.3f at IoU %.2f",
            case["truth"],
            case["stage"],
            metrics["f1"],
            metrics["iou"],
        )
        first = counts.iloc[0]
        if not is_annotation and first["n_true"] and first["n_predicted"]:
            diameter_px = 2 * np.sqrt(first["true_px"] / first["n_true"] / np.pi)
            shifts[tuple(case[key] for key in place)] = measure_shift(truth, found, diameter_px)
        return [counts]

    inputs = zip(snakemake.params.cases, snakemake.input.truth, snakemake.input.labels, strict=True)
    cases = [case | {"truth": truth, "labels": labels} for case, truth, labels in inputs]
    tables = []
    shifts = {}
    with LabelReader() as read_truth:
        for _, own in itertools.groupby(cases, key=lambda case: case["sample"]):
            of_sample = list(own)
            with open_masks(of_sample) as masks:
                for case in of_sample:
                    tables += compare(case, read_truth, masks)
    counts = concatenate_tables(tables, (*place, *COUNT_COLUMNS))
    # Where blocks of a frame were annotated, its row is of all of them.
    counts = counts.groupby([*place, "iou"], sort=False, as_index=False)[list(SUMS)].sum()
    metrics = compute_metrics(counts)
    of_image = metrics[list(place)].itertuples(index=False, name=None)
    metrics["truth_shift_px"] = [shifts.get(image, np.nan) for image in of_image]
    is_first = (metrics["stage"] == SEGMENTATION) & (metrics["iou"] == metrics["iou"].min())
    for line in doubt_truth(metrics[is_first]):
        log.log(TOLD, "Ground truth of %s: %s", snakemake.wildcards.experiment, line)
    metrics = add_sample_columns(metrics, snakemake.params.columns)
    write_table(snakemake.output.metrics, metrics)
    pooled = pool_counts(counts, ("stage", "iou"))
    write_table(snakemake.output.summary, compute_metrics(pooled))

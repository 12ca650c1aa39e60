"""Compare masks with the ground truth, image by image and pooled."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.evaluate.masks import ANNOTATION, compare_with_truth
    from autonuclei.io.images import read_image
    from autonuclei.io.label_images import read_label_image
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import concatenate_tables, write_table
    from autonuclei.labels.matching import COUNT_COLUMNS, compute_metrics, pool_counts

    def read_found(case, path):
        if case["stage"] == ANNOTATION:
            return read_image(path)
        with LabelStore(path, {case["frame"]: case["name"]}) as store:
            return store.read(case["frame"]) if store.has(case["frame"]) else None

    place = ("stage", "sample", "frame")
    tables = []
    for case, truth_path, found_path in zip(
        snakemake.params.cases, snakemake.input.truth, snakemake.input.labels, strict=True
    ):
        found = read_found(case, found_path)
        if found is None:
            log.info("%s: its image was passed over", truth_path)
            continue
        counts = compare_with_truth(
            read_label_image(truth_path, case["truth_page"]),
            found,
            stage=case["stage"],
            crop=snakemake.params.crop,
            scale=snakemake.params.scale,
            name=truth_path,
        ).assign(**{key: case[key] for key in place})
        tables.append(counts)
        metrics = compute_metrics(counts).iloc[0]
        log.info(
            "%s: %s has F1 %.3f at IoU %.2f",
            truth_path,
            case["stage"],
            metrics["f1"],
            metrics["iou"],
        )
    counts = concatenate_tables(tables, (*place, *COUNT_COLUMNS))
    write_table(snakemake.output.metrics, compute_metrics(counts))
    pooled = pool_counts(counts, ("stage", "iou"))
    write_table(snakemake.output.summary, compute_metrics(pooled))

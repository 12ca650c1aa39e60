"""Draw regions of truth and prediction side by side."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    from autonuclei.evaluate.masks import crop_labels, read_labels
    from autonuclei.io.images import read_plane
    from autonuclei.report.comparison import (
        Comparison,
        choose_regions,
        compare_nuclei,
        draw_comparison,
        list_regions,
    )
    from autonuclei.report.figures import save_figure

    crop = snakemake.params.crop
    cases = [
        case | {"truth": truth, "labels": Path(labels, case["file"])}
        for case, truth, labels in zip(
            snakemake.params.cases, snakemake.input.truth, snakemake.input.labels, strict=True
        )
    ]

    def compare(case):
        truth = crop_labels(read_labels(case["truth"], case["truth_page"]), crop)
        found = read_plane(case["labels"], frame=case["page"]).astype("int32")
        found = crop_labels(found, crop)
        return Comparison(
            name=f"{case['sample']}, frame {case['frame']}",
            image=crop_labels(read_plane(**case["plane"]), crop),
            truth=truth,
            predicted=found,
            pixel_size_um=case["pixel_size_um"],
            **compare_nuclei(truth, found, iou=snakemake.params.iou),
        )

    # Images that were passed over have none; `check_stills` fails for them.
    cases = [case for case in cases if case["labels"].exists()]
    regions = []
    for number, case in enumerate(cases):
        regions += list_regions(compare(case), image=number)
    chosen = choose_regions(regions)
    for rank, region in chosen.items():
        log.info("%s: image %d, %s, F1 %.3f", rank, region.image, region.window, region.f1)
    # Only the images that are drawn stand in memory together.
    drawn = {rank: (compare(cases[region.image]), region) for rank, region in chosen.items()}
    figure = draw_comparison(drawn, n_images=len(cases), iou=snakemake.params.iou)
    save_figure(figure, [snakemake.output.png])

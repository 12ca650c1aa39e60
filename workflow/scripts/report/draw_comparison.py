"""Draw regions of truth and prediction side by side."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.io.images import read_plane
    from autonuclei.io.label_images import read_label_image
    from autonuclei.io.label_store import LabelStore
    from autonuclei.report.evaluation_figures import (
        Comparison,
        choose_regions,
        compare_nuclei,
        draw_comparison,
        list_regions,
    )
    from autonuclei.report.pictures import cut
    from autonuclei.report.style import save_figure

    crop, iou = snakemake.params.crop, snakemake.params.iou

    def open_masks(case):
        return LabelStore(case["labels"], {case["frame"]: case["name"]})

    def is_segmented(case):
        with open_masks(case) as masks:
            return masks.has(case["frame"])

    def compare(case):
        with open_masks(case) as masks:
            found = masks.read(case["frame"])
        image = read_plane(**case["plane"])
        truth = read_label_image(case["truth"], case["truth_page"])
        if crop:
            image, truth, found = (cut(whole, crop) for whole in (image, truth, found))
        return Comparison(
            name=f"{case['sample']}, frame {case['frame']}",
            image=image,
            truth=truth,
            predicted=found,
            pixel_size_um=case["pixel_size_um"],
            **compare_nuclei(truth, found, iou=iou),
        )

    inputs = zip(snakemake.params.cases, snakemake.input.truth, snakemake.input.labels, strict=True)
    cases = [case | {"truth": truth, "labels": labels} for case, truth, labels in inputs]
    # Images that were passed over have none.
    cases = list(filter(is_segmented, cases))
    regions = []
    for number, case in enumerate(cases):
        regions += list_regions(compare(case), image=number)
    chosen = choose_regions(regions)
    for rank, region in chosen.items():
        log.info("%s: image %d, %s, F1 %.3f", rank, region.image, region.box, region.f1)
    # Only the images that are drawn stand in memory together.
    drawn = {rank: (compare(cases[region.image]), region) for rank, region in chosen.items()}
    figure = draw_comparison(drawn, n_images=len(cases), iou=iou)
    save_figure(figure, [snakemake.output.png])

"""Draw regions of truth and prediction side by side."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import itertools

    from autonuclei.io.images import PlaneReader
    from autonuclei.io.label_images import LabelReader
    from autonuclei.io.label_store import LabelStore
    from autonuclei.labels.numbers import fit_numbers
    from autonuclei.labels.strips import hold
    from autonuclei.report.evaluation_figures import (
        Comparison,
        choose_regions,
        compare_nuclei,
        cut_out,
        draw_comparison,
        list_regions,
    )
    from autonuclei.report.style import save_figure

    iou = snakemake.params.iou

    def compare(case, read, read_truth, masks):
        found = hold(masks.defer(case["frame"]))
        truth = fit_numbers(read_truth(case["truth"], case["truth_page"], case["truth_window"]))
        return Comparison(
            name=f"{case['sample']}, frame {case['frame']}",
            image=read.defer(**case["plane"]),
            truth=truth,
            predicted=found,
            pixel_size_um=case["pixel_size_um"],
            **compare_nuclei(truth, found, iou=iou),
        )

    inputs = zip(snakemake.params.cases, snakemake.input.truth, snakemake.input.labels, strict=True)
    cases = [case | {"truth": truth, "labels": labels} for case, truth, labels in inputs]
    segmented, regions = [], []

    def open_masks(cases):
        names = {case["frame"]: case["name"] for case in cases}
        return LabelStore(cases[0]["labels"], names)

    with PlaneReader() as read, LabelReader() as read_truth:
        for _, own in itertools.groupby(cases, key=lambda case: case["sample"]):
            of_sample = list(own)
            with open_masks(of_sample) as masks:
                for case in of_sample:
                    if masks.has(case["frame"]):  # it was not passed over
                        regions += list_regions(
                            compare(case, read, read_truth, masks), image=len(segmented)
                        )
                        segmented.append(case)
        drawn = {}
        for rank, region in choose_regions(regions).items():
            log.info("%s: image %d, %s, F1 %.3f", rank, region.image, region.box, region.f1)
            case = segmented[region.image]
            with open_masks([case]) as masks:
                shown = cut_out(compare(case, read, read_truth, masks), region)
            drawn[rank] = (shown, region)
    figure = draw_comparison(drawn, n_images=len(segmented), iou=iou)
    save_figure(figure, [snakemake.output.png])

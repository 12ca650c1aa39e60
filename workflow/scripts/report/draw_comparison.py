"""Draw regions of truth and prediction side by side."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import itertools

    from autonuclei.io.images import PlaneReader
    from autonuclei.io.label_images import LabelReader
    from autonuclei.io.label_store import LabelStore
    from autonuclei.report.evaluation_figures import (
        Comparison,
        choose_regions,
        compare_nuclei,
        draw_comparison,
        list_regions,
    )
    from autonuclei.report.style import save_figure

    iou = snakemake.params.iou

    def compare_sample(cases, read, read_truth):
        """Each segmented case with its comparison; those that were passed over are left out."""
        names = {case["frame"]: case["name"] for case in cases}
        with LabelStore(cases[0]["labels"], names) as masks:
            for case in cases:
                if masks.has(case["frame"]):
                    yield case, compare(case, read, read_truth, masks)

    def compare(case, read, read_truth, masks):
        image, found = read(**case["plane"]), masks.read(case["frame"])
        truth = read_truth(case["truth"], case["truth_page"], case["truth_window"])
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
    segmented, regions = [], []
    with PlaneReader() as read, LabelReader() as read_truth:
        for _, own in itertools.groupby(cases, key=lambda case: case["sample"]):
            for case, comparison in compare_sample(list(own), read, read_truth):
                regions += list_regions(comparison, image=len(segmented))
                segmented.append(case)
        # Only the images that are drawn stand in memory together.
        drawn = {}
        for rank, region in choose_regions(regions).items():
            log.info("%s: image %d, %s, F1 %.3f", rank, region.image, region.box, region.f1)
            ((_, comparison),) = compare_sample([segmented[region.image]], read, read_truth)
            drawn[rank] = (comparison, region)
    figure = draw_comparison(drawn, n_images=len(segmented), iou=iou)
    save_figure(figure, [snakemake.output.png])

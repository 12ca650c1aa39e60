"""Figures of what was found against the truth: F1, and regions side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.matching import pair_nuclei
from autonuclei.labels.overlap import Overlaps, find_overlaps
from autonuclei.labels.shapes import find_centres
from autonuclei.labels.strips import count_pixels
from autonuclei.report.pictures import (
    Box,
    add_legend,
    add_outlines,
    add_scale_bar,
    choose_side,
    cut,
    find_inside,
    show_grey,
    tile_image,
)
from autonuclei.report.style import (
    GREEN,
    PINK,
    SKY,
    STAGE_COLOURS,
    VERMILLION,
    WHITE,
    YELLOW,
    say_instead,
)

Array = npt.NDArray[Any]

FOUND, MISSED, INVENTED = "found", "missed", "not in the truth"
MERGED, SPLIT, OFF = "merged", "split", "outline off"
OUTCOME_COLOURS = {
    FOUND: SKY,
    MISSED: YELLOW,
    INVENTED: VERMILLION,
    OFF: WHITE,
    MERGED: PINK,
    SPLIT: GREEN,
}
# A region with fewer (mean of true and predicted) says little.
FEWEST_NUCLEI = 5


def plot_f1(rows: pd.DataFrame, title: str) -> Figure:
    """Plot F1 over the IoU threshold, for the annotation and for the network's segmentation.

    Each image with ground truth is a thin line, all of them pooled a thick one.

    Parameters
    ----------
    rows
        `stage`, `sample`, `frame`, `iou`, `f1`; pooled rows have the frame -1.
    title
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for stage, colour in STAGE_COLOURS.items():
        own = rows[rows["stage"] == stage]
        for _, line in own.groupby(["sample", "frame"], sort=False):
            pooled = line["frame"].iloc[0] < 0
            axes.plot(
                line["iou"],
                line["f1"],
                marker="o" if pooled else None,
                color=colour,
                linewidth=2.5 if pooled else 0.7,
                alpha=1 if pooled else 0.4,
                label=f"{stage}, all images" if pooled else None,
                zorder=3 if pooled else 2,
            )
    axes.set(xlabel="IoU from which a nucleus counts as found", ylabel="F1", title=title)
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="lower left")
    else:
        say_instead(axes, "no ground truth given")
    return figure


@dataclass(frozen=True)
class Comparison:
    """An image with its true and predicted nuclei, and what became of each of them.

    `of_true` and `of_predicted` give `FOUND`, `MISSED`, `INVENTED`, `OFF`, `MERGED` or `SPLIT`
    by label; `matched` the labels (true, predicted) of the pairs that overlap enough.
    """

    name: str
    image: ArrayLike
    truth: ArrayLike
    predicted: ArrayLike
    of_true: Mapping[int, str]
    of_predicted: Mapping[int, str]
    matched: frozenset[tuple[int, int]]
    pixel_size_um: float | None = None


@dataclass(frozen=True)
class Region:
    """A part of image number `image` with its F1; `n` counts its true and predicted nuclei."""

    image: int
    box: Box
    f1: float
    n: int


def compare_nuclei(truth: ArrayLike, predicted: ArrayLike, *, iou: float = 0.5) -> dict[str, Any]:
    """Say what became of each true and each predicted nucleus.

    Parameters
    ----------
    truth, predicted
        2-D label images of the same shape.
    iou
        Overlap from which on a pair counts as matched.

    Returns
    -------
    `of_true`, `of_predicted`, `matched` as in `Comparison`. A predicted nucleus with more than
    half of the area of two or more true ones is merged, and so are they. A true nucleus with
    more than half of the area of two or more predicted ones is split, and so are they. Of the
    others, those in a pair are found. Two in no pair of which one has more than half of the area
    of the other are the same nucleus with its outline off. The rest is missed (true) or not in
    the truth (predicted).
    """
    overlaps = find_overlaps(truth, predicted)
    true, found, _ = pair_nuclei(overlaps, iou)
    matched = frozenset(zip(true.tolist(), found.tolist(), strict=True))
    true_labels, predicted_labels = (
        (np.flatnonzero(area[1:]) + 1).tolist() for area in (overlaps.area_own, overlaps.area_other)
    )
    of_true = dict.fromkeys(true_labels, MISSED) | {t: FOUND for t, _ in matched}
    of_predicted = dict.fromkeys(predicted_labels, INVENTED) | {p: FOUND for _, p in matched}
    containers = [
        (of_predicted, of_true, MERGED, _find_containers(overlaps)),
        (of_true, of_predicted, SPLIT, _find_containers(_swap(overlaps))),
    ]
    for own, theirs, _, contained in containers:
        for container, inside in contained.items():
            if len(inside) == 1 and FOUND not in (own[container], theirs[inside[0]]):
                own[container] = theirs[inside[0]] = OFF
    for own, theirs, name, contained in containers:
        for container, inside in contained.items():
            if len(inside) > 1:
                own[container] = name
                theirs |= dict.fromkeys(inside, name)
    return {"of_true": of_true, "of_predicted": of_predicted, "matched": matched}


def _find_containers(overlaps: Overlaps) -> dict[int, list[int]]:
    """For each label of the second image those of the first with more than half of it in it."""
    part, container, shared, area, _ = overlaps
    inside = 2 * shared > area[part]
    containers: dict[int, list[int]] = {}
    for one, around in zip(part[inside].tolist(), container[inside].tolist(), strict=True):
        containers.setdefault(around, []).append(one)
    return containers


def _swap(overlaps: Overlaps) -> Overlaps:
    """As of the second image and the first."""
    own, other, shared, area_own, area_other = overlaps
    order = np.lexsort((own, other))
    return Overlaps(other[order], own[order], shared[order], area_other, area_own)


def list_regions(comparison: Comparison, *, image: int = 0) -> list[Region]:
    """The parts of an image that have nuclei, each with its F1.

    They lie side by side, about nine diameters of the median true nucleus wide. A nucleus
    belongs to the one with its centroid, a matched prediction to that of its true nucleus.

    Parameters
    ----------
    image
        Number of the image, to be kept with each region.
    """
    areas = count_pixels(comparison.truth)[1:]
    side = choose_side(areas[areas > 0], comparison.truth.shape[:2])
    true = _locate(comparison.truth)
    predicted = _locate(comparison.predicted)
    # Else the F1 of a region could pass 1.
    predicted |= {p: true[t] for t, p in comparison.matched}
    found = {t for t, _ in comparison.matched}
    places = np.array([*true.values(), *predicted.values()]).reshape(-1, 2)
    hits = np.array([label in found for label in true] + [False] * len(predicted), bool)
    regions = []
    for box in tile_image(comparison.truth.shape[:2], side):
        inside = find_inside(box, places[:, 0], places[:, 1])
        n = int(inside.sum())
        if n:
            regions.append(Region(image, box, 2 * int(hits[inside].sum()) / n, n))
    return regions


def _locate(labels: ArrayLike) -> dict[int, tuple[float, float]]:
    """The centroid of each label, rows and columns in px."""
    centres = find_centres(labels)
    numbers = np.flatnonzero(np.isfinite(centres[:, 0]))
    return {
        n: (y, x) for n, (y, x) in zip(numbers.tolist(), centres[numbers].tolist(), strict=True)
    }


def choose_regions(regions: Sequence[Region]) -> dict[str, Region]:
    """The regions with the lowest, the median and the highest F1.

    Those with fewer than `FEWEST_NUCLEI` nuclei (mean of true and predicted) are left out if others
    are left. Of equal ones the one with the most nuclei is taken.
    """
    regions = [region for region in regions if region.n >= 2 * FEWEST_NUCLEI] or list(regions)
    ordered = sorted(regions, key=lambda region: (region.f1, -region.n))
    if len(ordered) < 3:
        return dict(zip(("worst", "best"), ordered, strict=False))
    worst, *rest = ordered
    best = max(rest, key=lambda region: (region.f1, region.n))
    rest.remove(best)
    return {"worst": worst, "median": rest[(len(rest) - 1) // 2], "best": best}


def cut_out(comparison: Comparison, region: Region) -> Comparison:
    """Of image and label images only a region, so that the rest need not be kept."""
    image, truth, predicted = (
        cut(whole, region.box).copy()
        for whole in (comparison.image, comparison.truth, comparison.predicted)
    )
    return replace(comparison, image=image, truth=truth, predicted=predicted)


def draw_comparison(
    regions: Mapping[str, tuple[Comparison, Region]], *, n_images: int, iou: float = 0.5
) -> Figure:
    """Draw raw image, truth, prediction and differences of each region in a row.

    `regions` are those of `choose_regions`, each with what `cut_out` keeps of its image.
    """
    if not regions:
        figure = Figure(figsize=(6, 2))
        figure.text(0.5, 0.5, "No nuclei, neither in the truth nor found", ha="center")
        return figure
    figure = Figure(figsize=(11, 2.9 * len(regions) + 0.8), layout="constrained")
    panels = figure.subplots(len(regions), 4, squeeze=False)
    for row, (rank, (shown, region)) in zip(panels, regions.items(), strict=True):
        box = region.box
        truth, predicted = shown.truth[:, :], shown.predicted[:, :]
        for axes in row:
            show_grey(axes, shown.image)
        place = f"rows {box[0]}-{box[1] - 1}, columns {box[2]}-{box[3] - 1}"
        row[0].set_ylabel(f"{rank} region: F1 {region.f1:.2f}", fontsize=10)
        row[0].set_title(f"{shown.name}\n{place}", fontsize=8)
        add_scale_bar(row[0], box[3] - box[2], shown.pixel_size_um)
        row[1].set_title("truth", fontsize=9)
        add_outlines(row[1], truth, WHITE, linewidth=1.3)
        row[2].set_title("prediction", fontsize=9)
        add_outlines(row[2], predicted, WHITE, linewidth=1.3)
        row[3].set_title("differences", fontsize=9)
        _draw_differences(row[3], shown, truth, predicted)
    add_legend(figure, OUTCOME_COLOURS, columns=len(OUTCOME_COLOURS))
    images = "1 image" if n_images == 1 else f"{n_images:,} images"
    figure.suptitle(f"Truth and prediction, regions of {images} (F1 at IoU {iou:g})", fontsize=11)
    return figure


def _draw_differences(axes: Axes, shown: Comparison, truth: Array, predicted: Array) -> None:
    """Found nuclei as predicted; missed and split ones as they are, the others as predicted."""
    of_true = {label: OUTCOME_COLOURS[name] for label, name in shown.of_true.items()}
    wrong = list(OUTCOME_COLOURS.values())[1:]
    drawn_true = {
        label: of_true[label]
        for label, name in shown.of_true.items()
        if name in (MISSED, OFF, MERGED, SPLIT)
    }
    of_predicted = {label: OUTCOME_COLOURS[name] for label, name in shown.of_predicted.items()}
    add_outlines(axes, predicted, of_predicted, linewidth=1.3, fill=wrong)
    add_outlines(axes, truth, drawn_true, linewidth=1.3, fill=[YELLOW], dashed=True)

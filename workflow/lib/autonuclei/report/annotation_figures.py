"""Figures of the automatic annotation: what was accepted and why not, and how it came about."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy import ndimage as ndi

from autonuclei.annotate.selection import ACCEPTED, VERDICTS
from autonuclei.report.pictures import (
    Box,
    add_box,
    add_legend,
    add_outlines,
    add_scale_bar,
    choose_side,
    cut,
    find_inside,
    show_grey,
    slide_box,
)
from autonuclei.report.style import BLUE, GREEN, ORANGE, PINK, SKY, VERMILLION, WHITE, YELLOW

Array = npt.NDArray[Any]

VERDICT_COLOURS = dict(zip(VERDICTS, (SKY, YELLOW, VERMILLION, PINK, GREEN, WHITE), strict=True))
# For reasons that are not named there, in the order in which they come.
OTHER_COLOURS = (ORANGE, BLUE)


def select_field(table: pd.DataFrame, sample: str, frame: int, block: int | None) -> pd.DataFrame:
    """The objects of one frame, or of one block of it, among all annotated objects."""
    own = (table["sample"] == sample) & (table["frame"] == frame)
    # Without an object in any block there is no such column.
    return table[own if block is None else own & (table.get("block", -1) == block)]


def colour_verdicts(verdicts: pd.Series) -> dict[str, str]:
    """A colour for each verdict that occurs: the accepted first, then by how often it does."""
    counts = verdicts.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    others = iter(OTHER_COLOURS)
    return {
        name: VERDICT_COLOURS[name] if name in VERDICT_COLOURS else next(others, OTHER_COLOURS[-1])
        for name in (ACCEPTED, *counts.index.drop(ACCEPTED, errors="ignore"))
    }


def choose_box(table: pd.DataFrame, shape: tuple[int, int]) -> Box:
    """The square box that shows the most kinds of verdict, and of those the most objects.

    Parameters
    ----------
    table
        `y_px`, `x_px`, `area_px` and `verdict` of the objects.
    shape
        Rows and columns of the image.
    """
    y, x, areas = (table[name].to_numpy() for name in ("y_px", "x_px", "area_px"))
    verdicts = table["verdict"].factorize()[0]
    side = choose_side(areas, shape)

    def judge(box: Box) -> tuple[int, int]:
        # What lies at the rim of a box is cut by it.
        rim = side // 8
        inside = find_inside((box[0] + rim, box[1] - rim, box[2] + rim, box[3] - rim), y, x)
        return len(np.unique(verdicts[inside])), int(inside.sum())

    return max(slide_box(shape, side), key=judge)


def draw_annotation_overlay(
    image: Array,
    objects: Array,
    table: pd.DataFrame,
    *,
    name: str,
    pixel_size_um: float | None,
) -> Figure:
    """Draw all annotated objects over the image, by verdict, whole and enlarged.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    objects : (height, width) int
        Label image of all objects.
    table
        `label`, `y_px`, `x_px`, `area_px` and `verdict` of each of them.
    name
        Of the image, for the title.
    pixel_size_um
        Of `image`; None writes lengths in px.
    """
    colours = colour_verdicts(table["verdict"])
    by_label = dict(zip(table["label"], table["verdict"].map(colours), strict=True))
    rejected = [colour for verdict, colour in colours.items() if verdict != ACCEPTED]
    box = choose_box(table, image.shape[:2])
    figure, (whole, part) = _make_panels(1, 2, image.shape[:2])
    show_grey(whole, image, title=f"{name}, {image.shape[1]} x {image.shape[0]} px")
    add_outlines(whole, objects, by_label, linewidth=0.7, fill=rejected)
    add_box(whole, box)
    add_scale_bar(whole, image.shape[1], pixel_size_um)
    show_grey(part, cut(image, box), title="Enlarged: the box")
    add_outlines(part, cut(objects, box), by_label, linewidth=1.5, fill=rejected)
    add_scale_bar(part, box[3] - box[2], pixel_size_um)
    counts = {verdict: int((table["verdict"] == verdict).sum()) for verdict in colours}
    says = {verdict: f"{_name_verdict(verdict)}: {n:,}" for verdict, n in counts.items()}
    _add_verdicts(figure, {says[verdict]: colour for verdict, colour in colours.items()})
    figure.suptitle(
        f"Automatic annotation: {counts[ACCEPTED]:,} of {len(table):,} objects accepted"
    )
    return figure


@dataclass(frozen=True)
class AnnotationSteps:
    """What the steps of the annotation of one image give: images, and seeds as (n, 2) places.

    `by_level` is the proposal of nuclei at levels of their own, where there is one.
    """

    image: Array
    foreground: Array
    seeds: Array
    split: Array
    objects: Array
    training_image: Array
    training_labels: Array
    by_level: Array | None = None


def draw_annotation_steps(
    steps: AnnotationSteps,
    table: pd.DataFrame,
    *,
    name: str,
    pixel_size_um: float | None,
) -> Figure:
    """Draw the steps from the raw image to what the network learns from, side by side.

    The first panel is the whole image, the others the same part of it, enlarged. `table` as
    in `draw_annotation_overlay`.
    """
    box = choose_box(table, steps.image.shape[:2])
    image = cut(steps.image, box)
    colours = colour_verdicts(table["verdict"])
    by_label = dict(zip(table["label"], table["verdict"].map(colours), strict=True))
    n = 8 if steps.by_level is None else 9
    figure, panels = _make_panels(2, (n + 1) // 2, (1, 1))
    for axes in panels[n:]:
        axes.set_axis_off()
    whole, *rest = panels
    show_grey(whole, steps.image, title=f"{name}: whole image")
    add_box(whole, box)
    add_scale_bar(whole, steps.image.shape[1], pixel_size_um)
    step = iter(enumerate(rest, start=1))

    def show_step(title: str, picture: Array = image) -> Axes:
        number, axes = next(step)
        show_grey(axes, picture, title=f"{number} {title}")
        return axes

    add_scale_bar(show_step("image, enlarged"), box[3] - box[2], pixel_size_um)

    axes = show_step("foreground (threshold)")
    add_outlines(axes, ndi.label(cut(steps.foreground, box))[0], ORANGE, fill=[ORANGE])

    axes = show_step("seeds, split (watershed)")
    _add_colours(axes, cut(steps.split, box))
    inside = steps.seeds[find_inside(box, *steps.seeds.T)]
    axes.plot(inside[:, 1] - box[2], inside[:, 0] - box[0], "w+", markersize=5)

    if steps.by_level is not None:
        _add_colours(show_step("nuclei at levels of their own"), cut(steps.by_level, box))

    drawn_anew = not np.array_equal(steps.split > 0, steps.objects > 0)
    if not drawn_anew:
        title = "edges: as in step 3"
    elif steps.by_level is None:
        title = "edges: of step 3 (dashed), final"
    else:
        title = "final, from 3 (dashed) and 4"
    axes = show_step(title)
    if drawn_anew:
        add_outlines(axes, cut(steps.split, box), ORANGE, linewidth=1.0, dashed=True)
    add_outlines(axes, cut(steps.objects, box), SKY, linewidth=1.4)

    axes = show_step("accepted and rejected")
    rejected = [colour for verdict, colour in colours.items() if verdict != ACCEPTED]
    add_outlines(axes, cut(steps.objects, box), by_label, linewidth=1.4, fill=rejected)

    show_step("image to learn from", cut(steps.training_image, box))

    labels = cut(steps.training_labels, box)
    ignored = bool((labels < 0).any())
    title = "labels (hatched: ignored)" if ignored else "labels to learn from"
    axes = show_step(title, np.zeros(labels.shape))
    _add_colours(axes, np.maximum(labels, 0), opacity=1.0)
    if ignored:
        axes.contourf(labels < 0, levels=[0.5, 1.5], colors=["#606060"], hatches=["////"])
    _add_verdicts(figure, {_name_verdict(verdict): c for verdict, c in colours.items()})
    figure.suptitle("From the image to what the network learns from")
    return figure


def _add_colours(axes: Axes, labels: Array, *, opacity: float = 0.45) -> None:
    """Tint each label; neighbours get different colours, since their numbers are close."""
    wheel = [BLUE, ORANGE, GREEN, YELLOW, SKY, VERMILLION, PINK]
    numbers = np.unique(labels[labels > 0]).tolist()
    # A step of three keeps those that follow each other apart.
    by_label = {label: wheel[3 * place % len(wheel)] for place, label in enumerate(numbers)}
    rgba = np.zeros((*labels.shape, 4))
    for label, colour in by_label.items():
        rgba[labels == label] = *to_rgb(colour), opacity
    axes.imshow(rgba, interpolation="nearest")
    if opacity < 1:
        add_outlines(axes, labels, by_label, linewidth=1.0)


def _make_panels(rows: int, columns: int, shape: tuple[int, int]) -> tuple[Figure, list[Axes]]:
    """Panels for images of this shape, at least 10 inches wide in all."""
    width = max(10.0, 3.0 * columns)
    height = rows * min(1.4, max(0.5, shape[0] / shape[1])) * width / columns
    figure = Figure(figsize=(width, height + 1.0), layout="constrained")
    return figure, list(np.ravel(figure.subplots(rows, columns)))


def _name_verdict(verdict: str) -> str:
    return verdict if verdict == ACCEPTED else f"rejected, {verdict}"


def _add_verdicts(figure: Figure, colours: dict[str, str]) -> None:
    add_legend(figure, colours, columns=min(5, len(colours)))

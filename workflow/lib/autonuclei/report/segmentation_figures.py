"""Figures of the nuclei that were found: their numbers, and very large images with all of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autonuclei.annotate.selection import ACCEPTED
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.report.pictures import (
    Box,
    add_box,
    add_outlines,
    add_scale_bar,
    choose_side,
    cut,
    show_grey,
)
from autonuclei.report.style import BLUE, GREY, ORANGE, YELLOW

Array = npt.NDArray[Any]

# What is counted in an image: column, colour, words.
COUNTS = (
    ("objects", GREY, "objects found by the annotation"),
    ("accepted", ORANGE, "accepted as nuclei"),
    ("predicted", BLUE, "nuclei in the masks"),
)
# With more images than this, bars and names would be too narrow to read.
MOST_BARS = 24

# Diameters of a nucleus within which neighbours count for the local density.
REACH = 5.0


def count_objects(
    frames: Sequence[Mapping[str, Any]],
    objects: pd.DataFrame | None,
    predicted: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Count objects and nuclei, a row per image.

    Parameters
    ----------
    frames
        `sample`, `frame`, `annotated` (whether it went through the annotation) and `segmented`
        (whether it has masks).
    objects
        `sample`, `frame` and `verdict` of every annotated object; None without annotation.
    predicted
        The table of nuclei of each sample, with `frame`.

    Returns
    -------
    DataFrame
        `sample`, `frame`, and as floats `objects`, `accepted`, `predicted`; NaN where an image
        did not go through a step.
    """
    table = pd.DataFrame(frames)
    found = pd.concat([nuclei[["frame"]].assign(sample=name) for name, nuclei in predicted.items()])
    if objects is None:
        objects = pd.DataFrame({"sample": [], "frame": [], "verdict": []})
    counted = {
        "objects": (objects, table["annotated"]),
        "accepted": (objects[objects["verdict"] == ACCEPTED], table["annotated"]),
        "predicted": (found, table["segmented"]),
    }
    places = pd.MultiIndex.from_frame(table[["sample", "frame"]])
    for name, (rows, is_known) in counted.items():
        counts = rows.groupby(["sample", "frame"]).size().reindex(places, fill_value=0)
        table[name] = np.where(is_known, counts.to_numpy(), np.nan)
    return table[["sample", "frame", *counted]]


def draw_counts(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw how many objects and nuclei each image has, from the table of `count_objects`."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    place = np.arange(len(table))
    shown = [count for count in COUNTS if table[count[0]].notna().any()]
    width = 0.8 / max(1, len(shown))
    for number, (name, colour, words) in enumerate(shown):
        values = table[name].to_numpy(np.float64)
        known = np.isfinite(values)
        label = f"{words} ({values[known].sum():,.0f} in {known.sum():,})"
        if len(table) <= MOST_BARS:
            axes.bar(place + (number - (len(shown) - 1) / 2) * width, values, width, color=colour)
            axes.plot([], [], "s", color=colour, label=label)
        else:
            marker = None if known.all() else "o"
            axes.plot(place[known], values[known], marker=marker, color=colour, label=label)
    axes.set_title(title)
    axes.set_ylabel("objects in the image")
    axes.set_ylim(0, 1.45 * max((table[name].max() for name, *_ in shown), default=1) or 1)
    axes.legend(fontsize=8, loc="upper right", title="(sum in images)", title_fontsize=7)
    _name_images(axes, table)
    return figure


def _name_images(axes: Axes, table: pd.DataFrame) -> None:
    if len(table) > MOST_BARS:
        axes.set_xlabel("image, in the order of the sample sheet")
        return
    one = table["sample"].nunique() == 1
    names = table["frame"].astype(str)
    if not one:
        names = table["sample"] + " " + names
    rotation = 90 if not one and len(table) > 5 else 0
    axes.set_xticks(np.arange(len(table)), list(names), rotation=rotation, fontsize=8)
    axes.set_xlabel("frame" if one else "sample and frame")


def measure_density(y: Array, x: Array, radius_px: float, shape: tuple[int, int]) -> Array:
    """Nuclei per px^2 in a disk around each nucleus, itself included.

    What of the disk lies outside of the image does not count: its area is found by taking
    its share inside as that of the square around it.
    """
    from scipy.spatial import cKDTree

    places = np.stack([y, x], axis=1)
    if len(places) == 0:
        return np.zeros(0)
    n = cKDTree(places).query_ball_point(places, radius_px, return_length=True)
    inside = np.ones(len(places))
    for axis, length in zip((y, x), shape, strict=True):
        low = np.clip(axis - radius_px, -0.5, None)
        high = np.clip(axis + radius_px, None, length - 0.5)
        inside *= (high - low) / (2 * radius_px)
    return np.asarray(n / (np.pi * radius_px**2 * inside))


def draw_mosaic(
    image: ArrayLike,
    labels: ArrayLike,
    table: pd.DataFrame,
    *,
    name: str,
    pixel_size_um: float | None,
) -> Figure:
    """Draw a large image with its nuclei.

    The whole image, shrunken, with a dot for each nucleus in the colour of the local density;
    below it the places of highest, median and lowest density in full, with outlines.

    Parameters
    ----------
    image
        2-D grey values.
    labels
        Label image of the nuclei.
    table
        Their `y_px`, `x_px` and `area_px`.
    """
    y, x, areas = (table[name].to_numpy() for name in ("y_px", "x_px", "area_px"))
    shape = (image.shape[0], image.shape[1])
    height = 10 * shape[0] / shape[1] * 0.92
    figure = Figure(figsize=(10, height + 4.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(height, 3.9), squeeze=False)[:, 0]
    whole = top.subplots()
    show_grey(whole, image, brightness=0.6)
    size = f"{shape[1]:,} x {shape[0]:,} px"
    if pixel_size_um is not None:
        size = f"{shape[1] * pixel_size_um / 1000:.3g} x {shape[0] * pixel_size_um / 1000:.3g} mm"
    whole.set_title(f"{name}: {len(y):,} nuclei in {size}", fontsize=11)
    add_scale_bar(whole, shape[1], pixel_size_um)
    if len(y) == 0:
        return figure
    radius = REACH * 2 * (float(np.median(areas)) / np.pi) ** 0.5
    density = measure_density(y, x, radius, shape)
    unit, factor = "nuclei per million px", 1e6
    if pixel_size_um is not None:
        unit, factor = "nuclei/mm²", 1e6 / pixel_size_um**2
    low, high = np.percentile(density * factor, [1, 99])
    dots = whole.scatter(
        x,
        y,
        c=density * factor,
        s=_size_dots(len(y), shape),
        cmap="viridis",
        vmin=low,
        vmax=max(high, low * 1.001),
        linewidths=0,
        rasterized=True,
    )
    top.colorbar(dots, ax=whole, shrink=0.7, pad=0.01, extend="both", label=f"density ({unit})")
    side = choose_side(areas, shape, diameters=14)
    order = np.argsort(density, kind="stable")
    chosen = {"A": order[-1], "B": order[len(order) // 2], "C": order[0]}
    says = ("highest", "median", "lowest")
    for (letter, index), axes, rank in zip(
        chosen.items(), bottom.subplots(1, 3), says, strict=True
    ):
        box = _centre_box(y[index], x[index], side, shape)
        add_box(whole, box, name=letter)
        show_grey(axes, cut(image, box))
        add_outlines(axes, cut(labels, box), YELLOW, linewidth=1.2)
        add_scale_bar(axes, side, pixel_size_um)
        axes.set_title(
            f"{letter}: {rank} density, {density[index] * factor:,.0f} {unit}", fontsize=9
        )
    return figure


def _size_dots(n: int, shape: tuple[int, int]) -> float:
    """Area of a dot in square points, so that evenly spread ones would nearly touch."""
    points_per_px = 640 / shape[1]
    spacing = points_per_px * (shape[0] * shape[1] / n) ** 0.5
    return float(np.clip((0.8 * spacing) ** 2, 0.3, 40))


def _centre_box(y: float, x: float, side: int, shape: tuple[int, int]) -> Box:
    top, left = (
        int(np.clip(round(centre - side / 2), 0, length - side))
        for centre, length in zip((float(y), float(x)), shape, strict=True)
    )
    return top, top + side, left, left + side

"""A very large image with all its nuclei: the whole by local density, and parts in full."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from autonuclei.report.pictures import (
    YELLOW,
    Window,
    add_outlines,
    add_scale_bar,
    add_window,
    choose_side,
    cut,
    show_grey,
)

Array = npt.NDArray[Any]

# Diameters of a nucleus within which neighbours count for the local density.
REACH = 5.0


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
    image: Array,
    labels: Array,
    table: Mapping[str, Array],
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
    y, x = table["y_px"], table["x_px"]
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
    radius = REACH * 2 * (float(np.median(table["area_px"])) / np.pi) ** 0.5
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
    side = choose_side(table["area_px"], shape, diameters=14)
    order = np.argsort(density, kind="stable")
    chosen = {"A": order[-1], "B": order[len(order) // 2], "C": order[0]}
    says = ("highest", "median", "lowest")
    for (letter, index), axes, rank in zip(
        chosen.items(), bottom.subplots(1, 3), says, strict=True
    ):
        window = _centre_window(y[index], x[index], side, shape)
        add_window(whole, window, name=letter)
        show_grey(axes, cut(image, window))
        add_outlines(axes, cut(labels, window).astype(np.int64), YELLOW, linewidth=1.2)
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


def _centre_window(y: float, x: float, side: int, shape: tuple[int, int]) -> Window:
    top, left = (
        int(np.clip(round(centre - side / 2), 0, length - side))
        for centre, length in zip((float(y), float(x)), shape, strict=True)
    )
    return top, top + side, left, left + side

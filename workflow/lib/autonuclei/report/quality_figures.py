"""Figures of quality without a ground truth: areas, indicators of each image, calibration."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from autonuclei.annotate.selection import ACCEPTED, AcceptedRange
from autonuclei.evaluate.indicators import INDICATORS, Indicator
from autonuclei.report.style import (
    GREEN,
    GREY,
    PINK,
    SKY,
    STAGE_COLOURS,
    VERMILLION,
    YELLOW,
    say_instead,
)

Array = npt.NDArray[Any]

ACCEPTED_COLOUR, NETWORK_COLOUR = STAGE_COLOURS["annotation"], STAGE_COLOURS["segmentation"]
# Reasons of rejection in the order in which they come.
REASON_COLOURS = (VERMILLION, PINK, SKY, GREEN, YELLOW, GREY)
LOOK_COLOUR, UNSUITABLE_COLOUR = "#FBE8C8", "#F6CFC0"
SOURCE_COLOURS = {"annotation": STAGE_COLOURS["annotation"], "neighbouring frames": GREEN}
# Fewer nuclei than this in a bin of probability are not drawn: their share is chance.
FEWEST_IN_BIN = 10


def plot_areas(
    title: str,
    *,
    objects: pd.DataFrame | None,
    accepted: AcceptedRange | None,
    nuclei_px: Array,
    scale: float,
) -> Figure:
    """Plot areas of annotated objects by verdict, with the accepted ones, and of found nuclei.

    Parameters
    ----------
    objects
        `area_px` and `verdict` of annotated objects; None where nothing was annotated.
    accepted
        Areas that count as nuclei, in the same pixels.
    nuclei_px
        Areas of the nuclei of the masks in pixels of the raw image.
    scale
        Pixels of the annotation per raw pixel; the figure is in raw ones.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    annotated = np.zeros(0) if objects is None else objects["area_px"].to_numpy() / scale**2
    areas = np.concatenate([annotated, nuclei_px]).astype(np.float64)
    axes.set(xlabel="area (px, logarithmic)", ylabel="annotated objects", title=title)
    if len(areas) == 0:
        say_instead(axes, "no objects")
        return figure
    edges = np.geomspace(max(1.0, areas.min()) * 0.95, areas.max() * 1.05, 45).tolist()
    if objects is not None:
        if accepted is not None and accepted.high == accepted.high:
            axes.axvspan(
                accepted.low / scale**2,
                accepted.high / scale**2,
                color="#EEEEEE",
                zorder=0,
                label="areas that count as nuclei",
            )
            axes.axvline(accepted.median / scale**2, color="#777777", linewidth=1, zorder=1)
        verdicts = [ACCEPTED, *sorted(set(objects["verdict"]) - {ACCEPTED})]
        colours = (ACCEPTED_COLOUR, *REASON_COLOURS)
        parts = [annotated[(objects["verdict"] == verdict).to_numpy()] for verdict in verdicts]
        axes.hist(
            parts,
            edges,
            stacked=True,
            color=[colours[i % len(colours)] for i in range(len(verdicts))],
            label=[f"{v}: {len(part)}" for v, part in zip(verdicts, parts, strict=True)],
        )
    handles, labels = axes.get_legend_handles_labels()
    if len(nuclei_px):
        # Seldom are all images annotated: its own axis, or one of the two would be flat.
        beside = axes.twinx() if objects is not None else axes
        beside.set_ylabel("nuclei in the masks")
        beside.hist(
            nuclei_px,
            edges,
            histtype="step",
            color=NETWORK_COLOUR,
            linewidth=1.8,
            label=f"in the masks, all images: {len(nuclei_px)}",
        )
        found, named = beside.get_legend_handles_labels()
        handles, labels = [*handles, *found], [*labels, *named]
    axes.set_xscale("log")
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])  # room for the legend
    figure.axes[-1].legend(handles, labels, fontsize=8, loc="upper left")
    return figure


def plot_indicators(images: pd.DataFrame, title: str) -> Figure:
    """Plot every indicator of images, image by image, with the parts that are not good shaded.

    Samples follow each other; a line parts them. Indicators that are undefined throughout are
    left out.

    Parameters
    ----------
    images
        `sample` and indicators by their names, a row per image.
    title
    """
    shown = {
        indicator: images[indicator.name].to_numpy(np.float64)
        for indicator in INDICATORS
        if indicator.of_images and indicator.name in images and images[indicator.name].notna().any()
    }
    n_rows = max(1, -(-len(shown) // 2))
    figure = Figure(figsize=(9, 1.4 + 1.7 * n_rows), layout="constrained")
    figure.suptitle(title)
    if not shown:
        figure.text(0.5, 0.5, "no image has a nucleus", ha="center")
        return figure
    grid = figure.subplots(n_rows, 2, squeeze=False)
    samples = images["sample"].tolist()
    starts = [i for i in range(len(samples)) if i == 0 or samples[i] != samples[i - 1]]
    for axes, (indicator, values) in zip(grid.flat, shown.items(), strict=False):
        axes.plot(values, ".", color=NETWORK_COLOUR, markersize=5)
        low, high = _choose_range(values, indicator)
        _shade(axes, indicator, low, high)
        axes.set_ylim(low, high)
        axes.set_title(indicator.title, fontsize=9)
        axes.set_ylabel(indicator.unit, fontsize=7)
        axes.tick_params(labelsize=7)
        axes.set_xlim(-0.5, len(images) - 0.5)
        for start in starts[1:]:
            axes.axvline(start - 0.5, color=GREY, linewidth=0.8)
        axes.set_xticks(starts, [samples[i] for i in starts], fontsize=7, ha="left")
    for axes in list(grid.flat)[len(shown) :]:
        axes.axis("off")
    shades = {"look": LOOK_COLOUR, "unsuitable": UNSUITABLE_COLOUR}
    figure.legend(
        handles=[Patch(color=colour, label=name) for name, colour in shades.items()],
        loc="outside lower right",
        ncols=2,
        fontsize=8,
    )
    return figure


def _choose_range(values: Array, indicator: Indicator) -> tuple[float, float]:
    """From 0 (no indicator is negative) to above the largest value and the first limit."""
    high = float(np.nanmax(values))
    if indicator.look is not None:
        high = max(high, 1.1 * indicator.look)
    margin = 0.06 * high or 0.05
    return -margin, high + margin


def _shade(axes: Axes, indicator: Indicator, low: float, high: float) -> None:
    """Shade from the limits to the end of the axes, unsuitable over look."""
    for limit, colour in (
        (indicator.look, LOOK_COLOUR),
        (indicator.unsuitable, UNSUITABLE_COLOUR),
    ):
        if limit is not None:
            end = low if indicator.low_is_bad else max(high, limit)
            axes.axhspan(min(limit, end), max(limit, end), color=colour, zorder=0)


def plot_calibration(checks: pd.DataFrame, title: str) -> Figure:
    """Plot the share of nuclei confirmed over the probability that the network gave them.

    Bars are 95 % intervals of Wilson (1927), which take the nuclei as independent.

    Parameters
    ----------
    checks
        `checked_by`, `probability`, `n` and `confirmed` of each bin of probability.
    title
    """
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    for source, colour in SOURCE_COLOURS.items():
        own = checks[checks["checked_by"] == source]
        shown = own[own["n"] >= FEWEST_IN_BIN]
        if len(shown) == 0:
            continue
        n = shown["n"].to_numpy(np.float64)
        share = shown["confirmed"].to_numpy() / n
        bars = np.abs(_find_interval(share, n) - share)
        label = f"checked by {source} ({own['n'].sum()} nuclei)"
        x = shown["probability"].to_numpy()
        axes.errorbar(x, share, yerr=bars, fmt="o-", color=colour, capsize=3, label=label)
    axes.set(
        xlabel="probability that the network gave",
        ylabel="share of these nuclei confirmed",
        title=title,
        xlim=(0, 1.02),
        ylim=(0, 1.05),
    )
    axes.grid(alpha=0.3)
    if axes.containers:
        axes.legend(loc="lower left", fontsize=8)
    else:
        say_instead(axes, "nothing to check with", color="#555555")
    return figure


def _find_interval(share: Array, n: Array, z: float = 1.96) -> Array:
    """Wilson's interval of a share of `n`, (2, bins)."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.stack([centre - half, centre + half])

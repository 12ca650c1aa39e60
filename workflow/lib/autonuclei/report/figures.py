"""Figures of training and evaluation, as SVG and PNG."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from autonuclei.io.files import write_beside

Array = npt.NDArray[Any]

COLOURS = {"annotation": "#E69F00", "segmentation": "#0072B2"}


def save_figure(figure: Figure, paths: Sequence[str | os.PathLike[str]]) -> None:
    """Write a figure to each path, in the format of its suffix; the same input, the same file."""
    with matplotlib.rc_context({"svg.hashsalt": "autonuclei", "svg.fonttype": "none"}):
        for path in paths:
            suffix = Path(path).suffix.removeprefix(".")
            metadata = {"Date": None} if suffix == "svg" else {"Software": None}
            with write_beside(path) as partial:
                figure.savefig(partial, format=suffix, dpi=150, metadata=metadata)


def plot_loss(history: Mapping[str, Array], title: str) -> Figure:
    """Training and validation loss over the epochs."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(history["epoch"], history["loss"], color="#0072B2", label="training")
    axes.plot(history["epoch"], history["val_loss"], color="#D55E00", label="validation")
    best = int(np.argmin(history["val_loss"]))
    axes.plot(
        history["epoch"][best],
        history["val_loss"][best],
        "o",
        color="#D55E00",
        label=f"best epoch ({history['epoch'][best]:.0f}), kept",
    )
    axes.set(xlabel="epoch", ylabel="loss (no unit)", title=title)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def plot_f1(rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """F1 over the IoU threshold, for the annotation and for the network's segmentation.

    Each image with ground truth is a thin line, all of them pooled a thick one. `rows` have
    `stage`, `sample`, `frame`, `iou`, `f1`; pooled rows have the frame -1.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    drawn = False
    for stage, colour in COLOURS.items():
        of_stage = [row for row in rows if row["stage"] == stage]
        for key in dict.fromkeys((row["sample"], row["frame"]) for row in of_stage):
            line = [row for row in of_stage if (row["sample"], row["frame"]) == key]
            pooled = key[1] < 0
            axes.plot(
                [row["iou"] for row in line],
                [row["f1"] for row in line],
                marker="o" if pooled else None,
                color=colour,
                linewidth=2.5 if pooled else 0.7,
                alpha=1 if pooled else 0.4,
                label=f"{stage}, all images" if pooled else None,
                zorder=3 if pooled else 2,
            )
            drawn = True
    axes.set(xlabel="IoU from which a nucleus counts as found", ylabel="F1", title=title)
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.3)
    if drawn:
        axes.legend(loc="lower left")
    else:
        axes.text(0.5, 0.5, "no ground truth given", ha="center", transform=axes.transAxes)
    return figure

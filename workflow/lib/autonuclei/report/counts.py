"""Numbers of nuclei and durations of jobs, image by image, as a table and a figure."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autonuclei.annotate.selection import ACCEPTED

Array = npt.NDArray[Any]
Table = dict[str, Array]

# Jobs of one image, in their order, by the names of their rules.
STEPS = (
    "preprocess_image",
    "threshold_image",
    "split_nuclei",
    "measure_objects",
    "select_nuclei",
    "compose_training_pair",
)
STEP_COLOURS = ("#999999", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7")
COUNT_COLOURS = {"objects": "#999999", "accepted": "#E69F00", "predicted": "#0072B2"}
# With more images than this, bars and names would be too narrow to read.
MOST_BARS = 24


def read_seconds(path: Path) -> float:
    """Wall time of a job from the file that Snakemake's `benchmark` wrote, in s.

    NaN where there is none: the job ran before durations were recorded, or not at all.
    """
    if not path.is_file():
        return float("nan")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return float(rows[-1]["s"]) if rows else float("nan")


def tabulate_counts(
    frames: Sequence[Mapping[str, Any]],
    objects: Mapping[str, Array] | None,
    predicted: Mapping[str, Mapping[str, Array]],
    *,
    logs: Path,
) -> Table:
    """Count objects and sum up durations, a row per image.

    Parameters
    ----------
    frames
        `sample`, `frame`, `annotated` (whether it went through the annotation), `segmented`
        (whether the network was applied), `stretch` (first and last frame of the job that did)
        and `n_stretch` (how many frames that job went through).
    objects
        `sample`, `frame` and `verdict` of every annotated object; None without annotation.
    predicted
        The table of nuclei of each sample, with `frame`.
    logs
        Folder with the logs of the experiment, beside which durations lie.

    Returns
    -------
    `sample`, `frame`; `objects`, `accepted`, `predicted` (numbers); `NAME_s` for each job of
    `STEPS`, `annotation_s` (their sum), `annotation_s_per_nucleus` (per accepted one),
    `prediction_s` (an equal part of its job) and `prediction_s_per_nucleus`, in s. NaN where an
    image did not go through a step, or its duration is not known.
    """
    rows = []
    for frame in frames:
        sample, index = frame["sample"], frame["frame"]
        row: dict[str, Any] = {"sample": sample, "frame": index}
        row |= dict.fromkeys(COUNT_COLOURS, float("nan"))
        if objects is not None and frame["annotated"]:
            own = (objects["sample"] == sample) & (objects["frame"] == index)
            row["objects"] = float(own.sum())
            row["accepted"] = float((objects["verdict"][own] == ACCEPTED).sum())
        if frame["segmented"]:
            row["predicted"] = float((predicted[sample]["frame"] == index).sum())
        folder = logs / "annotation" / sample / f"{index:04d}"
        for step in STEPS:
            row[f"{step}_s"] = read_seconds(folder / f"{step}.tsv")
        known = [row[f"{step}_s"] for step in STEPS if row[f"{step}_s"] == row[f"{step}_s"]]
        # An image that is only compared with a ground truth is not composed for training.
        whole = known and all(row[f"{step}_s"] == row[f"{step}_s"] for step in STEPS[:-1])
        row["annotation_s"] = sum(known) if whole else float("nan")
        row["annotation_s_per_nucleus"] = _divide(row["annotation_s"], row["accepted"])
        first, last = frame["stretch"]
        job = logs / "segmentation" / sample / f"predict_{first:04d}-{last:04d}.tsv"
        row["prediction_s"] = read_seconds(job) / frame["n_stretch"]
        row["prediction_s_per_nucleus"] = _divide(row["prediction_s"], row["predicted"])
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def draw_counts(table: Mapping[str, Array], *, title: str) -> Figure:
    """Draw numbers of nuclei (top) and seconds of annotation (bottom) of each image."""
    timed = bool(np.isfinite(table["annotation_s"]).any())
    figure = Figure(figsize=(8, 7 if timed else 4.5), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(1, 1 if timed else 0.1))
    _draw_numbers(top, table)
    top.set_title(title)
    _draw_seconds(bottom, table)
    return figure


def _draw_numbers(axes: Axes, table: Mapping[str, Array]) -> None:
    n = len(table["frame"])
    place = np.arange(n)
    labels = {
        "objects": "objects found by the annotation",
        "accepted": "accepted as nuclei",
        "predicted": "nuclei found by the network",
    }
    shown = [name for name in COUNT_COLOURS if not np.isnan(table[name]).all()]
    for number, name in enumerate(shown):
        values, colour = table[name], COUNT_COLOURS[name]
        label = f"{labels[name]} ({np.nansum(values):,.0f} in {np.isfinite(values).sum():,})"
        if n <= MOST_BARS:
            width = 0.8 / len(shown)
            axes.bar(place + (number - (len(shown) - 1) / 2) * width, values, width, color=colour)
            axes.plot([], [], "s", color=colour, label=label)
        else:
            marker = "o" if np.isfinite(values).sum() < n else None
            known = np.isfinite(values)
            axes.plot(place[known], values[known], marker=marker, color=colour, label=label)
    axes.set_ylabel("objects in the image")
    axes.set_ylim(0, 1.3 * np.nanmax([np.nanmax(table[name]) for name in shown] or [1]) or 1)
    axes.legend(fontsize=8, loc="upper right", title="(sum in images)", title_fontsize=7)
    _name_images(axes, table)


def _draw_seconds(axes: Axes, table: Mapping[str, Array]) -> None:
    known = np.isfinite(table["annotation_s"])
    if not known.any():
        axes.set_axis_off()
        axes.text(
            0.5,
            0.5,
            "No durations: no image was annotated, or\nno benchmark files lie beside the logs.",
            ha="center",
            transform=axes.transAxes,
        )
        return
    timed = {name: column[known] for name, column in table.items()}
    place, below = np.arange(known.sum()), np.zeros(known.sum())
    for step, colour in zip(STEPS, STEP_COLOURS, strict=True):
        seconds = np.nan_to_num(timed[f"{step}_s"])
        width = 0.8 if len(place) <= MOST_BARS else 1.0
        label = step.replace("_", " ")
        axes.bar(place, seconds, width, bottom=below, color=colour, label=label)
        below = below + seconds
    axes.set_ylabel("wall time of the jobs (s)")
    axes.set_ylim(0, 1.45 * float(below.max()))
    axes.legend(fontsize=8, ncols=3, loc="upper right")
    per_nucleus = timed["annotation_s"].sum() / timed["accepted"].sum()
    axes.set_title(
        f"Annotation: {np.median(timed['annotation_s']):.2g} s per image (median), "
        + (f"{1000 * per_nucleus:.3g} ms per accepted nucleus" if timed["accepted"].any() else ""),
        fontsize=10,
    )
    _name_images(axes, timed)


def _name_images(axes: Axes, table: Mapping[str, Array]) -> None:
    n = len(table["frame"])
    if n > MOST_BARS:
        axes.set_xlabel("image, in the order of the sample sheet")
        return
    one = len(set(table["sample"].tolist())) == 1
    names = [
        str(frame) if one else f"{sample} {frame}"
        for sample, frame in zip(table["sample"], table["frame"], strict=True)
    ]
    rotation = 90 if not one and n > 5 else 0
    axes.set_xticks(np.arange(n), names, rotation=rotation, fontsize=8)
    axes.set_xlabel("frame" if one else "sample and frame")


def _divide(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")

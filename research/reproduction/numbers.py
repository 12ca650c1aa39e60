"""The paper's numbers and ours, side by side."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy import ndimage as ndi

from autonuclei.io.label_images import read_label_image
from autonuclei.io.tables import read_table
from autonuclei.labels.matching import compute_metrics, count_matches
from research.reproduction.durations import sum_annotation

PUBLISHED = Path(__file__).with_name("published.csv")
NAN = float("nan")
# A difference smaller than half of the last digit that the paper gives is none.
EQUAL = 0.0005
# Counted on more data than were run here.
NOT_COMPARABLE = {"n_movie"}


@dataclass(frozen=True)
class Published:
    """A number of the paper; `value` is NaN where it was not available to this project."""

    key: str
    place: str
    quantity: str
    value: float
    unit: str
    source: str


def read_published(path: Path = PUBLISHED) -> list[Published]:
    """All numbers of the paper that are compared, in the order of the page."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Published(**row | {"value": float(row["value"]) if row["value"] else NAN})
            for row in csv.DictReader(file)
        ]


def read_rendering(path: Path) -> npt.NDArray[np.int32]:
    """Label image of a picture in which neighbouring nuclei have different colours.

    Pixels of the same colour that touch, also at a corner, are one nucleus; black is background.
    """
    with Image.open(path) as image:
        colours = np.asarray(image.convert("RGB")).astype(np.int64)
    codes = colours @ np.array([1, 256, 65536])
    labels, n = np.zeros(codes.shape, np.int32), 0
    for code in np.unique(codes[codes > 0]):
        pieces, n_pieces = ndi.label(codes == code, np.ones((3, 3)))
        labels[pieces > 0] = pieces[pieces > 0] + n
        n += n_pieces
    return labels


def compare_published_masks(data: Path) -> dict[str, float]:
    """What the published automatic masks score against the published manual ones."""
    numbers: dict[str, float] = {}
    tables = []
    for index in range(1, 6):
        manual = read_label_image(data / f"training_masks_manual/frame{index}.png")
        automatic = read_rendering(data / f"training_masks_automated/frame{index}.png")
        tables.append(count_matches(manual, automatic, [0.5]))
        numbers[f"n_manual_{index}"] = tables[-1]["n_true"][0]
        numbers[f"n_automatic_{index}"] = tables[-1]["n_predicted"][0]
    metrics = compute_metrics(pd.concat(tables))

    def mean(name: str) -> float:
        return float(np.mean(metrics[name].to_numpy()))

    return numbers | {
        "n_manual": metrics["n_true"].sum(),
        "n_automatic": metrics["n_predicted"].sum(),
        "annotation_f1": mean("foreground_f1"),
        "annotation_f1_touched": mean("foreground_f1_touched"),
        "annotation_f1_objects": mean("f1"),
        "annotation_iou": mean("mean_iou_matched"),
        "annotation_iou_true": mean("mean_iou_true"),
        "annotation_precision": mean("precision"),
        "annotation_recall": mean("recall"),
    }


def measure_run(results: Path) -> dict[str, float]:
    """Our numbers from the results of a run on the same data; what was not run is absent."""
    numbers: dict[str, float] = {}
    paper = results / "paper"
    metrics = read_table(paper / "evaluation/metrics.csv", text=("stage", "sample"))
    for stage, prefix in (("segmentation", "test"), ("annotation", "own_annotation")):
        for rank in np.flatnonzero(metrics["stage"] == stage).tolist():
            row = {name: float(metrics[name][rank]) for name in METRICS}
            iou = round(100 * float(metrics["iou"][rank]))
            numbers[f"{prefix}_f1_{iou}"] = row["f1"]
            if iou == 50:
                numbers |= {f"{prefix}_{name}": value for name, value in row.items()}
                numbers[f"{prefix}_iou"] = row["mean_iou_true"]
                numbers["n_test_nuclei"] = float(metrics["n_true"][rank])
    numbers |= count_training(paper, logs=results.parent / "logs/paper")
    as_is = paper / "training/as_is/loss.csv"
    if as_is.is_file():
        for name, path in (
            ("loss_with_noise", paper / "training/loss.csv"),
            ("loss_without_noise", as_is),
        ):
            numbers[name] = float(np.min(read_table(path)["val_loss"]))
    bbbc = results / "bbbc038/evaluation/summary.csv"
    if bbbc.is_file():
        summary = read_table(bbbc, text=("stage",))
        own = (summary["stage"] == "segmentation") & (summary["iou"] == 0.5)
        numbers["bbbc_iou"] = float(summary["mean_iou_true"][own].iloc[0])
        numbers["bbbc_iou_matched"] = float(summary["mean_iou_matched"][own].iloc[0])
    return numbers | measure_movie(paper / "tracking/movie")


METRICS = (
    "f1",
    "precision",
    "recall",
    "mean_iou_true",
    "mean_iou_matched",
    "foreground_f1",
    "foreground_f1_touched",
)


def count_training(paper: Path, *, logs: Path) -> dict[str, float]:
    """Objects and durations of the annotation of the training images."""
    counts = read_table(paper / "figures/counts.csv", text=("sample",))
    own = counts[counts["sample"] == "train"]
    accepted = float(own["accepted"].sum())
    seconds = sum_annotation(logs, "train", own["frame"])
    return {
        "n_training_images": float(len(own)),
        "own_objects": float(own["objects"].sum()),
        "own_accepted": accepted,
        "automatic_s": seconds,
        "automatic_ms_per_nucleus": 1000 * seconds / accepted if accepted else NAN,
    }


def measure_movie(tracking: Path) -> dict[str, float]:
    """Numbers of the movie: nuclei, tracks, mitoses, speed, density."""
    if not (tracking / "motility/frames.csv").is_file():
        return {}
    frames = read_table(tracking / "motility/frames.csv")
    steps = read_table(tracking / "motility/steps.csv")
    speeds = steps["speed_um_per_min"].astype(float)
    return {
        "n_movie": float(frames["n_nuclei"].sum()),
        "n_frames": float(len(frames["frame"])),
        "n_tracks": float(len(read_table(tracking / "lineages.csv")["track"])),
        # No nucleus of the first frame can be seen to have divided: its field is empty.
        "n_mitoses": float(np.nansum(frames["n_mitoses"])),
        "median_speed": float(np.nanmedian(speeds)) if np.isfinite(speeds).any() else NAN,
        "density": float(np.nanmean(frames["nuclei_per_mm2"])),
    }


# For numbers of the paper that do not say how they are defined: ours that it could be.
DEFINITIONS = {
    "test_f1_50": {
        "F1 of nuclei": "test_f1_50",
        "precision of nuclei": "test_precision",
        "recall of nuclei": "test_recall",
        "F1 of pixels": "test_foreground_f1",
    },
    "test_iou": {
        "mean IoU of all true nuclei": "test_mean_iou_true",
        "mean IoU of matched nuclei": "test_mean_iou_matched",
    },
    "annotation_f1": {
        "F1 of pixels, all nuclei": "annotation_f1",
        "F1 of nuclei at IoU 0.5": "annotation_f1_objects",
    },
    "annotation_f1_touched": {
        "F1 of pixels, without nuclei that no automatic one touches": "annotation_f1_touched",
        "F1 of nuclei at IoU 0.5": "annotation_f1_objects",
    },
    "annotation_iou": {
        "mean IoU of matched nuclei": "annotation_iou",
        "mean IoU of all true nuclei": "annotation_iou_true",
    },
    "bbbc_iou": {
        "mean IoU of all true nuclei": "bbbc_iou",
        "mean IoU of matched nuclei": "bbbc_iou_matched",
    },
}


def find_closest(key: str, value: float, ours: Mapping[str, float]) -> tuple[str, float]:
    """Of the definitions that a number could have, the one whose value is closest to it."""
    known = {
        name: ours[other]
        for name, other in DEFINITIONS.get(key, {}).items()
        if not math.isnan(ours.get(other, NAN))
    }
    if not known or math.isnan(value):
        return "", NAN
    name = min(known, key=lambda name: abs(known[name] - value))
    return name, known[name]


def compare_numbers(
    published: Sequence[Published],
    columns: Mapping[str, Mapping[str, float]],
    remarks: Mapping[str, str],
) -> list[dict[str, Any]]:
    """A row for each number of the paper, with ours and the difference named.

    Parameters
    ----------
    columns
        Our numbers by key, for each column of the page; the first that has a number is
        compared.
    remarks
        Why a number differs or is missing, by key.
    """
    rows = []
    for number in published:
        ours = {name: values.get(number.key, NAN) for name, values in columns.items()}
        compared = next((name for name, value in ours.items() if not math.isnan(value)), "")
        difference = NAN
        if compared and number.key not in NOT_COMPARABLE:
            difference = ours[compared] - number.value
        definition, closest = "", NAN
        if compared:
            definition, closest = find_closest(number.key, number.value, columns[compared])
        rows.append(
            {
                "place": number.place,
                "quantity": number.quantity,
                "unit": number.unit,
                "paper": number.value,
                **ours,
                "difference": difference,
                "compared": compared,
                "closest_definition": definition,
                "closest_value": closest,
                "remark": describe_difference(number, difference, remarks.get(number.key, "")),
                "source": number.source,
            }
        )
    return rows


def describe_difference(number: Published, difference: float, remark: str) -> str:
    """In words: the same, how much more or less, or what is missing; then the remark."""
    if math.isnan(number.value):
        said = "The paper's number is not available here."
    elif number.key in NOT_COMPARABLE:
        said = "Not compared."
    elif math.isnan(difference):
        said = "Not reproduced."
    elif abs(difference) < EQUAL:
        said = "Same."
    else:
        size = abs(difference)
        shown = f"{size:,.0f}" if size >= 100 else f"{size:.3g}"
        more = "higher" if difference > 0 else "lower"
        said = f"Ours is {shown} {number.unit} {more}.".replace("  ", " ")
    return f"{said} {remark}".strip()

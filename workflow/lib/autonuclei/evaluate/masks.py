"""Comparing label images with a ground truth that was drawn for the raw image."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.images import read_plane
from autonuclei.labels.matching import METRIC_COLUMNS, add_metrics, pool_rows

Array = npt.NDArray[Any]

STAGES = ("annotation", "segmentation")


def read_labels(path: str | os.PathLike[str], page: int = 0) -> Array:
    """Read a label image drawn by others.

    Returns
    -------
    2-D int32.

    Raises
    ------
    InputError
        Not whole numbers from 0, or one number for everything (a mask without instances).
    """
    image = read_plane(path, frame=page)
    with np.errstate(invalid="ignore"):  # NaN and the like differ from what they become
        labels = np.asarray(image).astype(np.int32)
    if image.dtype.kind == "f" and not (labels == image).all():
        raise InputError(f"{path}: is not a label image, its values are no whole numbers.")
    if labels.min() < 0:
        raise InputError(f"{path}: is not a label image, it has values below 0.")
    numbers = np.unique(labels)
    if len(numbers) == 2 and numbers[0] == 0:
        from scipy.ndimage import label

        n_pieces = label(labels)[1]
        if n_pieces > 1:
            raise InputError(
                f"{path}: has one value ({numbers[1]}) for {n_pieces} separate objects. Give each "
                "nucleus its own number (Fiji: MorphoLibJ > Connected Components Labeling)."
            )
    return labels


def crop_labels(labels: Array, crop: Sequence[int] | None) -> Array:
    """The part of a label image that the configuration keeps."""
    return labels if crop is None else labels[crop[0] : crop[1], crop[2] : crop[3]]


def summarize_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pool rows of `matching.compare_labels` with a `stage` over all images of each stage."""
    rows = list(rows)
    summary = []
    for stage in STAGES:
        of_stage = [row for row in rows if row["stage"] == stage]
        for iou in dict.fromkeys(row["iou"] for row in of_stage):
            same = [
                {key: value for key, value in row.items() if not isinstance(value, str)}
                for row in of_stage
                if row["iou"] == iou
            ]
            pooled = pool_rows([{k: v for k, v in row.items() if k != "frame"} for row in same])
            summary.append({"stage": stage, "n_images": len(same)} | add_metrics(pooled))
    return summary


def tabulate_rows(rows: Sequence[Mapping[str, Any]], first: Sequence[str]) -> dict[str, list[Any]]:
    """Rows as columns: `first`, then `METRIC_COLUMNS`."""
    return {name: [row[name] for row in rows] for name in (*first, *METRIC_COLUMNS)}

"""The figures of one result, in the definitions of the field."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.evaluate.masks import drop_at_border
from autonuclei.evaluate.tracks import evaluate_ctc_folders, match_frame
from autonuclei.labels.matching import IOU_THRESHOLDS, compute_metrics, count_matches, pool_counts
from research.evaluation.layouts import Key, Labels, ReadLabels, Recording, Result

# Of a result's tracks, in the order of the table.
TRACK_SCORES = (
    "DET", "TRA", "LNK", "CT", "TF", "BC_0", "BC_1", "BC_2", "BC_3", "CHOTA",
    "division_f1_0", "division_f1_1", "divisions_true", "divisions_found", "divisions_right_0",
)  # fmt: skip


def score_result(recording: Recording, result: Result, *, border_px: int = 0) -> dict[str, Any]:
    """Compare a result with all truth that there is.

    Parameters
    ----------
    border_px
        Nuclei wholly within so many pixels of the border do not count: found ones and, in masks,
        true ones.

    Returns
    -------
    dict
        Of masks `score_masks`, by kind of truth, less one that was given as the result; of tracks
        `TRACK_SCORES`.
    """
    scores: dict[str, Any] = {}
    for kind, truth in recording.truths.items():
        if result.labels is truth:
            continue
        own = score_masks(truth, result.labels, border_px=border_px)
        scores |= {f"{kind} {name}": value for name, value in own.items()}
    if recording.tracks is not None and result.tracks is not None:
        values = evaluate_ctc_folders(
            recording.tracks, result.tracks, border_px=border_px, chota=True
        )
        scores |= {name: values[name] for name in TRACK_SCORES}
    return scores


def score_masks(
    truth: Mapping[Key, ReadLabels], found: Mapping[Key, ReadLabels], *, border_px: int = 0
) -> dict[str, Any]:
    """Score label images.

    Returns
    -------
    dict
        `images`, `nuclei`; `SEG` of the Cell Tracking Challenge: mean over all true nuclei of the
        IoU with the one that covers more than half of them, 0 without one; at each IoU `F1` and
        `AP` (TP / (TP + FP + FN)) of all images pooled, and their means over images, where an
        image without any nucleus does not count; `mAP`, the mean of AP over the IoU.

    Raises
    ------
    InputError
        A frame with truth has no result.
    """
    missing = [key for key in truth if key not in found]
    if missing:
        raise InputError(
            f"{missing[0]}: has a truth, but no result ({len(missing)} of {len(truth)} images). "
            "Give a result for each, an empty image where nothing was found."
        )
    counts, ious, nuclei = [], [], 0
    for key, one, other in _read_pairs(truth, found, border_px):
        labels_true, _, _, _, iou = match_frame(one, other)
        nuclei += len(labels_true)
        ious += iou
        counts.append(count_matches(one, other, IOU_THRESHOLDS).assign(key=key))
    table = pd.concat(counts)
    each = compute_metrics(table)
    pooled = compute_metrics(pool_counts(table)).set_index("iou")
    means = each.groupby("iou")[["f1", "accuracy"]].mean()
    scores: dict[str, Any] = {
        "images": len(truth),
        "nuclei": nuclei,
        "SEG": sum(ious) / nuclei if nuclei else np.nan,
    }
    for words, values in (("", pooled), (" mean", means)):
        for name, column in (("F1", "f1"), ("AP", "accuracy")):
            scores |= {f"{name}{words} {iou:.2f}": values.loc[iou, column] for iou in values.index}
        scores[f"mAP{words}"] = values["accuracy"].mean()
    scores["IoU matched"] = pooled.loc[IOU_THRESHOLDS[0], "mean_iou_matched"]
    return scores


def _read_pairs(
    truth: Mapping[Key, ReadLabels], found: Mapping[Key, ReadLabels], border_px: int
) -> Iterable[tuple[Key, Labels, Labels]]:
    for key, read in truth.items():
        one, other = (drop_at_border(own(), border_px) for own in (read, found[key]))
        if one.shape != other.shape:
            raise InputError(
                f"{key}: the truth is {one.shape[1]} x {one.shape[0]} px, the result "
                f"{other.shape[1]} x {other.shape[0]}. Give the result of this very image."
            )
        yield key, one, other

"""Matching predicted with true nuclei, and the metrics that follow, on top of StarDist's.

Undefined metrics are NaN: precision without a prediction, recall without a truth, F1 when
there is neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Row = dict[str, Any]

METRIC_COLUMNS = (
    "iou",
    "n_true",
    "n_predicted",
    "true_positives",
    "false_positives",
    "false_negatives",
    "precision",
    "recall",
    "f1",
    "accuracy",
    "panoptic_quality",
    "mean_iou_matched",
    "mean_iou_true",
    "foreground_f1",
    "foreground_f1_touched",
)


def compare_labels(truth: Array, predicted: Array, thresholds: Sequence[float]) -> list[Row]:
    """Compare a predicted with a true label image.

    Parameters
    ----------
    truth, predicted
        2-D label images of the same shape.
    thresholds
        IoU from which on a pair counts as matched.

    Returns
    -------
    One row per threshold with the sums from which `add_metrics` computes the metrics of this
    image, or of several pooled.
    """
    from stardist.matching import matching, relabel_sequential

    truth = relabel_sequential(truth.astype(np.int64))[0]
    predicted = relabel_sequential(predicted.astype(np.int64))[0]
    inside, found = truth > 0, predicted > 0
    touched = np.zeros(int(truth.max()) + 1, bool)
    touched[np.unique(truth[found])] = True
    touched[0] = False
    overlap, n_inside, n_found = (int(mask.sum()) for mask in (inside & found, inside, found))
    n_touched = int(touched[truth].sum())
    rows = []
    for threshold in thresholds:
        score = matching(truth, predicted, threshold)
        rows.append(
            {
                "iou": float(threshold),
                "n_true": int(score.n_true),
                "n_predicted": int(score.n_pred),
                "true_positives": int(score.tp),
                "false_positives": int(score.fp),
                "false_negatives": int(score.fn),
                "iou_sum": float(score.mean_matched_score) * int(score.tp),
                "overlap_px": overlap,
                "true_px": n_inside,
                "predicted_px": n_found,
                "touched_px": n_touched,
            }
        )
    return rows


def pool_rows(rows: Sequence[Mapping[str, Any]]) -> Row:
    """Add up rows of the same threshold over several images."""
    pooled = {key: sum(row[key] for row in rows) for key in rows[0] if key != "iou"}
    return {"iou": rows[0]["iou"], **pooled}


def add_metrics(row: Mapping[str, Any]) -> Row:
    """Metrics (`METRIC_COLUMNS`) from the sums of `compare_labels` or `pool_rows`.

    precision = TP / (TP + FP), recall = TP / (TP + FN), f1 = TP / (TP + (FP + FN) / 2),
    accuracy = TP / (TP + FP + FN), panoptic_quality = sum of matched IoU / (TP + (FP + FN) / 2)
    (Kirillov et al. 2019), mean_iou_matched = mean IoU of the matched nuclei, mean_iou_true =
    sum of matched IoU / number of true nuclei, foreground_f1 = F1 (Dice) of pixels,
    foreground_f1_touched = the same without the true nuclei that no predicted one touches.
    """
    tp, fp, fn = row["true_positives"], row["false_positives"], row["false_negatives"]
    counts = {key: row[key] for key in METRIC_COLUMNS[:6]}
    return counts | {
        "precision": _divide(tp, tp + fp),
        "recall": _divide(tp, tp + fn),
        "f1": _divide(tp, tp + (fp + fn) / 2),
        "accuracy": _divide(tp, tp + fp + fn),
        "panoptic_quality": _divide(row["iou_sum"], tp + (fp + fn) / 2),
        "mean_iou_matched": _divide(row["iou_sum"], tp),
        "mean_iou_true": _divide(row["iou_sum"], row["n_true"]),
        "foreground_f1": _divide(2 * row["overlap_px"], row["true_px"] + row["predicted_px"]),
        "foreground_f1_touched": _divide(
            2 * row["overlap_px"], row["touched_px"] + row["predicted_px"]
        ),
    }


def _divide(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def drop_ignored(labels: Array, ignored: Array) -> Array:
    """Remove objects that lie with more than half of their area on ignored pixels."""
    area = np.bincount(labels.ravel())
    covered = np.bincount(labels[ignored], minlength=len(area))
    drop = covered * 2 > area
    drop[0] = True
    return np.where(drop, 0, np.arange(len(area)))[labels].astype(labels.dtype)


def score_accuracy(
    truth: Array, predicted: Array, thresholds: Sequence[float] = (0.3, 0.5, 0.7)
) -> float:
    """Accuracy TP / (TP + FP + FN), mean over IoU thresholds; NaN without any object."""
    from stardist.matching import matching

    if not truth.any() and not predicted.any():
        return float("nan")
    return float(np.mean([score.accuracy for score in matching(truth, predicted, thresholds)]))

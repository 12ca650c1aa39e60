"""Matching predicted with true nuclei, and the metrics that follow, on top of StarDist's.

Undefined metrics are NaN: precision without a prediction, recall without a truth, F1 when
there is neither.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.labels.numbers import fit_numbers

Array = npt.NDArray[Any]

IOU_THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))

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
# What is added up over images, so that metrics of several are not means of metrics.
_PIXEL_COUNTS = ("overlap_px", "true_px", "predicted_px", "touched_px")
SUMS = (*METRIC_COLUMNS[1:6], "iou_sum", *_PIXEL_COUNTS)
COUNT_COLUMNS = ("iou", *SUMS)


def count_matches(
    truth: Array, predicted: Array, thresholds: Sequence[float] = IOU_THRESHOLDS
) -> pd.DataFrame:
    """Match the nuclei of a predicted with those of a true label image.

    Parameters
    ----------
    truth, predicted : (height, width) int
        Label images of the same shape, 0 is background; numbers may have gaps.
    thresholds
        IoU from which on a pair counts as matched.

    Returns
    -------
    DataFrame
        `COUNT_COLUMNS`, a row per threshold: the sums from which `compute_metrics` computes the
        metrics of this image, or of several that `pool_counts` has added up.
    """
    from stardist.matching import matching

    truth, predicted = fit_numbers(truth), fit_numbers(predicted)
    scores = pd.DataFrame(matching(truth, predicted, tuple(thresholds)))
    inside, found = truth > 0, predicted > 0
    counts = {
        "iou": scores["thresh"],
        "n_true": scores["n_true"],
        "n_predicted": scores["n_pred"],
        "true_positives": scores["tp"],
        "false_positives": scores["fp"],
        "false_negatives": scores["fn"],
        "iou_sum": scores["mean_matched_score"].astype(np.float64) * scores["tp"],
        "overlap_px": (inside & found).sum(),
        "true_px": inside.sum(),
        "predicted_px": found.sum(),
        # Pixels of the true nuclei that any predicted one touches.
        "touched_px": np.isin(truth[inside], truth[inside & found]).sum(),
    }
    return pd.DataFrame(counts)


def pool_counts(counts: pd.DataFrame, by: Sequence[str] = ("iou",)) -> pd.DataFrame:
    """Add up the counts of several images.

    Parameters
    ----------
    counts
        Tables of `count_matches` below each other, with more columns as needed.
    by
        Columns whose equal values are added up.

    Returns
    -------
    DataFrame
        The columns `by` in order, `n_images` and `COUNT_COLUMNS`.
    """
    groups = counts.groupby(list(by))
    pooled = groups[list(SUMS)].sum()
    pooled.insert(0, "n_images", groups.size())
    return pooled.reset_index()


def compute_metrics(counts: pd.DataFrame) -> pd.DataFrame:
    """Compute precision, recall, F1 and more from counted matches.

    precision = TP / (TP + FP), recall = TP / (TP + FN), f1 = TP / (TP + (FP + FN) / 2),
    accuracy = TP / (TP + FP + FN), panoptic_quality = sum of matched IoU / (TP + (FP + FN) / 2)
    (Kirillov et al. 2019), mean_iou_matched = mean IoU of the matched nuclei, mean_iou_true =
    sum of matched IoU / number of true nuclei, foreground_f1 = F1 (Dice) of pixels,
    foreground_f1_touched = the same without the true nuclei that no predicted one touches.

    Parameters
    ----------
    counts : DataFrame
        Of `count_matches` or `pool_counts`.

    Returns
    -------
    DataFrame
        A row per row of `counts`: the columns of it that are no counts, then `METRIC_COLUMNS`.
    """
    tp, fp, fn = (
        counts[f"{kind}s"] for kind in ("true_positive", "false_positive", "false_negative")
    )
    iou_sum, overlap, predicted = counts["iou_sum"], counts["overlap_px"], counts["predicted_px"]
    table = counts.assign(
        precision=_divide(tp, tp + fp),
        recall=_divide(tp, tp + fn),
        f1=_divide(tp, tp + (fp + fn) / 2),
        accuracy=_divide(tp, tp + fp + fn),
        panoptic_quality=_divide(iou_sum, tp + (fp + fn) / 2),
        mean_iou_matched=_divide(iou_sum, tp),
        mean_iou_true=_divide(iou_sum, counts["n_true"]),
        foreground_f1=_divide(2 * overlap, counts["true_px"] + predicted),
        foreground_f1_touched=_divide(2 * overlap, counts["touched_px"] + predicted),
    )
    others = [name for name in counts if name not in COUNT_COLUMNS]
    return table[[*others, *METRIC_COLUMNS]]


def _divide(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole != 0)


def drop_ignored(labels: Array, ignored: Array) -> Array:
    """Remove objects that lie with more than half of their area on ignored pixels.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background.
    ignored : (height, width) bool

    Returns
    -------
    Label image of the same type; numbers stay.
    """
    area = np.bincount(labels.ravel())
    covered = np.bincount(labels[ignored], minlength=len(area))
    drop = covered * 2 > area
    drop[0] = True
    return np.where(drop, 0, np.arange(len(area)))[labels].astype(labels.dtype)


def score_accuracy(
    truth: Array, predicted: Array, thresholds: Sequence[float] = (0.3, 0.5, 0.7)
) -> float:
    """Compute the accuracy TP / (TP + FP + FN), mean over IoU thresholds.

    Parameters
    ----------
    truth, predicted, thresholds
        As of `count_matches`.

    Returns
    -------
    float
        From 0 to 1; NaN without any object.
    """
    from stardist.matching import matching

    if not truth.any() and not predicted.any():
        return float("nan")
    return float(np.mean([score.accuracy for score in matching(truth, predicted, thresholds)]))

"""Matching predicted with true nuclei, and the metrics that follow.

Pairs and their IoU are those of `stardist.matching`, which keeps a table of all true by all
predicted nuclei: 30 GB for a mosaic of 60,000. Here only those that overlap are looked at.

Undefined metrics are NaN: precision without a prediction, recall without a truth, F1 when
there is neither.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from autonuclei.labels.numbers import fit_numbers
from autonuclei.labels.overlap import Overlaps, find_overlaps

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


def pair_nuclei(overlaps: Overlaps, threshold: float) -> tuple[Array, Array, Array]:
    """Pair true with predicted nuclei: as many as can be, and of these the best.

    Parameters
    ----------
    overlaps
        Of a true and a predicted label image.
    threshold
        IoU from which on two nuclei may be a pair, above 0.

    Returns
    -------
    true, predicted : (n,) int64
        The labels of each pair, by true label.
    iou : (n,) float32
    """
    true, predicted, shared, area_true, area_predicted = overlaps
    iou = (shared / (area_true[true] + area_predicted[predicted] - shared)).astype(np.float32)
    may = iou >= threshold
    true, predicted, iou = true[may], predicted[may], iou[may]
    # Above one half nobody has two partners.
    rivals = (np.bincount(true)[true] > 1) | (np.bincount(predicted)[predicted] > 1)
    if not rivals.any():
        return true, predicted, iou
    n = len(area_true) + len(area_predicted)
    links = coo_array((iou, (true, len(area_true) + predicted)), shape=(n, n))
    group = connected_components(links, directed=False)[1][true]
    chosen = ~np.isin(group, group[rivals])
    for number in np.unique(group[rivals]):
        own = np.flatnonzero(group == number)
        chosen[own[_assign(true[own], predicted[own], iou[own])]] = True
    return true[chosen], predicted[chosen], iou[chosen]


def _assign(true: Array, predicted: Array, iou: Array) -> Array:
    """Which pairs to take, so that nobody is in two of them."""
    (rows, row), (columns, column) = (
        np.unique(labels, return_inverse=True) for labels in (true, predicted)
    )
    pair = np.full((len(rows), len(columns)), -1)
    pair[row, column] = np.arange(len(iou))
    # One more pair is worth more than any IoU.
    worth = np.where(pair < 0, 0, 1 + iou[pair] / (2 * min(pair.shape)))
    taken = pair[linear_sum_assignment(worth, maximize=True)]
    return np.asarray(taken[taken >= 0])


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
    overlaps = find_overlaps(fit_numbers(truth), fit_numbers(predicted))
    area_true, area_predicted = overlaps.area_own[1:], overlaps.area_other[1:]
    n_true, n_predicted = np.count_nonzero(area_true), np.count_nonzero(area_predicted)
    touched = np.unique(overlaps.own)
    pixels = {
        "overlap_px": overlaps.shared.sum(),
        "true_px": area_true.sum(),
        "predicted_px": area_predicted.sum(),
        # Pixels of the true nuclei that any predicted one touches.
        "touched_px": overlaps.area_own[touched].sum(),
    }
    rows = []
    for threshold in thresholds:
        iou = pair_nuclei(overlaps, threshold)[2]
        n = len(iou)
        counts = {
            "iou": float(threshold),
            "n_true": n_true,
            "n_predicted": n_predicted,
            "true_positives": n,
            "false_positives": n_predicted - n,
            "false_negatives": n_true - n,
            "iou_sum": float(iou.sum()),
        }
        rows.append(counts | pixels)
    return pd.DataFrame(rows, columns=list(COUNT_COLUMNS))


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
    overlaps = find_overlaps(truth, predicted)
    n = sum(np.count_nonzero(area[1:]) for area in (overlaps.area_own, overlaps.area_other))
    if n == 0:
        return float("nan")
    n_pairs = [len(pair_nuclei(overlaps, threshold)[0]) for threshold in thresholds]
    return float(np.mean([pairs / (n - pairs) for pairs in n_pairs]))

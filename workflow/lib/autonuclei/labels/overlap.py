"""Which labels of two label images lie on each other, and which are the same object."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def count_overlaps(first: Array, second: Array) -> tuple[Array, Array, Array]:
    """Count the pixels that each label of one image shares with each of another.

    Parameters
    ----------
    first, second : (height, width) int
        Label images of the same shape, 0 is background.

    Returns
    -------
    labels_first, labels_second, n_px : (n,) int64
        Each pair of labels that share a pixel, in order of the labels, and how many they share.
    """
    from skimage.metrics import contingency_table

    both = (first > 0) & (second > 0)
    if not both.any():
        return (np.zeros(0, np.int64),) * 3
    table = contingency_table(first[both], second[both], sparse_type="array").tocoo()
    return table.row.astype(np.int64), table.col.astype(np.int64), table.data.astype(np.int64)


def measure_overlaps(first: Array, second: Array) -> tuple[Array, Array]:
    """Measure how well each object of a label image is met by the objects of another.

    Parameters
    ----------
    first, second : (height, width) int
        Label images of the same shape, 0 is background.

    Returns
    -------
    iou, covered : (n + 1,) float64
        By label of `first`, 0 for absent ones: the largest IoU with an object of `second`, and
        the share of the object's area that lies on any.
    """
    area_first, area_second = np.bincount(first.ravel()), np.bincount(second.ravel())
    own, other, shared = count_overlaps(first, second)
    iou = np.zeros(len(area_first))
    np.maximum.at(iou, own, shared / (area_first[own] + area_second[other] - shared))
    covered = np.bincount(own, shared, minlength=len(iou)) / np.maximum(area_first, 1)
    return iou, covered


def match_labels(
    first: Array, second: Array, *, iou: float, n_labels: int | None = None
) -> npt.NDArray[np.int64]:
    """Find for each label of an image the label of another that is the same object.

    Parameters
    ----------
    first, second : (height, width) int
        Label images of the same shape, 0 is background.
    iou
        Two objects are the same from this intersection over union on; above 0.5 there can be
        only one.
    n_labels
        Number of labels of `first`, where the highest may be absent; None: its highest.

    Returns
    -------
    (n_labels + 1,) int64
        By label of `first` the label of `second`, 0 for none.
    """
    n = int(first.max(initial=0)) if n_labels is None else n_labels
    own, other, shared = count_overlaps(first, second)
    area_own, area_other = np.bincount(first.ravel()), np.bincount(second.ravel())
    same = shared >= iou * (area_own[own] + area_other[other] - shared)
    partner = np.zeros(n + 1, np.int64)
    partner[own[same]] = other[same]
    return partner

"""Which labels of two label images lie on each other, and which are the same object."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.shapes import Runs
from autonuclei.labels.strips import list_strips

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


class Overlaps(NamedTuple):
    """What two label images share.

    Attributes
    ----------
    own, other, shared : (m,) int64
        Each pair of labels of the first and the second image that share a pixel, in order of the
        labels, and how many pixels they share.
    area_own, area_other : (n + 1,) int64
        Pixels by label of each of the images; index 0 is meaningless.
    """

    own: Ints
    other: Ints
    shared: Ints
    area_own: Ints
    area_other: Ints

    def turn(self) -> "Overlaps":
        """The same with the second image as the first; pairs stay in their order."""
        return Overlaps(self.other, self.own, self.shared, self.area_other, self.area_own)


def find_overlaps(first: ArrayLike, second: ArrayLike) -> Overlaps:
    """Count the pixels of labels and those that they share, a strip of the images at a time.

    Along a row pixels seldom change: what is counted are runs of pixels with the same two labels.

    Parameters
    ----------
    first, second : (height, width) int
        Label images of the same shape, 0 is background.
    """
    runs = [_find_runs(first[strip.slices], second[strip.slices]) for strip in _list_parts(first)]
    one, two, length = (np.concatenate(parts) for parts in zip(*runs, strict=True))
    area_own = np.bincount(one, length, minlength=1).astype(np.int64)
    area_other = np.bincount(two, length, minlength=1).astype(np.int64)
    both = (one > 0) & (two > 0)
    return _count_pairs(one[both], two[both], length[both], area_own, area_other)


def overlap_runs(first: Runs, second: Runs) -> Overlaps:
    """As `find_overlaps`, of label images of which the runs are known."""
    (one, one_end), (two, two_end) = (
        (start, start + runs.length)
        for runs in (first, second)
        for start in [runs.rows * runs.shape[1] + runs.columns]
    )
    # Runs of one image do not overlap: those of the second that a run meets follow each other.
    low = np.searchsorted(two_end, one, side="right")
    n_met = np.searchsorted(two, one_end, side="left") - low
    own = np.repeat(np.arange(len(one)), n_met)
    other = np.arange(len(own)) + np.repeat(low - np.cumsum(n_met) + n_met, n_met)
    length = np.minimum(one_end[own], two_end[other]) - np.maximum(one[own], two[other])
    areas = (runs.sum_up(runs.length).astype(np.int64) for runs in (first, second))
    return _count_pairs(
        first.own[own].astype(np.int64), second.own[other].astype(np.int64), length, *areas
    )


def _count_pairs(one: Ints, two: Ints, length: Ints, area_own: Ints, area_other: Ints) -> Overlaps:
    """Sum up the lengths of runs that two labels share."""
    pair = one * len(area_other) + two
    order = np.argsort(pair, kind="stable")
    pair, length = pair[order], length[order]
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    shared = np.add.reduceat(length, starts) if len(starts) else np.zeros(0, np.int64)
    own, other = np.divmod(pair[starts], len(area_other))
    return Overlaps(own, other, shared, area_own, area_other)


def _list_parts(image: ArrayLike) -> list[Any]:
    return [strip for strip in list_strips(image.shape) if strip.end_row > strip.row]


def _find_runs(first: Array, second: Array) -> tuple[Ints, Ints, Ints]:
    """Labels and length of each run of pixels with the same two labels, row after row."""
    one, two = first.ravel(), second.ravel()
    starts = np.flatnonzero((one[1:] != one[:-1]) | (two[1:] != two[:-1])) + 1
    starts = np.concatenate([[0], starts])
    length = np.diff(starts, append=one.size)
    one, two = one[starts].astype(np.int64), two[starts].astype(np.int64)
    some = (one > 0) | (two > 0)
    return one[some], two[some], length[some]


def count_overlaps(first: ArrayLike, second: ArrayLike) -> tuple[Ints, Ints, Ints]:
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
    return find_overlaps(first, second)[:3]


def measure_overlaps(first: ArrayLike, second: ArrayLike) -> tuple[Array, Array]:
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
    return rate_overlaps(find_overlaps(first, second))


def rate_overlaps(overlaps: Overlaps) -> tuple[Array, Array]:
    """As `measure_overlaps`, of overlaps that are known."""
    own, other, shared, area_first, area_second = overlaps
    iou = np.zeros(len(area_first))
    np.maximum.at(iou, own, shared / (area_first[own] + area_second[other] - shared))
    covered = np.bincount(own, shared, minlength=len(iou)) / np.maximum(area_first, 1)
    return iou, covered


def match_labels(
    first: ArrayLike, second: ArrayLike, *, iou: float, n_labels: int | None = None
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
    return choose_partners(find_overlaps(first, second), iou=iou, n_labels=n_labels)


def choose_partners(
    overlaps: Overlaps, *, iou: float, n_labels: int | None = None
) -> npt.NDArray[np.int64]:
    """As `match_labels`, of overlaps that are known."""
    own, other, shared, area_own, area_other = overlaps
    n = len(area_own) - 1 if n_labels is None else n_labels
    same = shared >= iou * (area_own[own] + area_other[other] - shared)
    partner = np.zeros(n + 1, np.int64)
    partner[own[same]] = other[same]
    return partner

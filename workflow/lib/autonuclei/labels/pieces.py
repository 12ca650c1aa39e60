"""Connected pieces of label images and masks, and the holes in them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.labels.blocks import Block
from autonuclei.labels.shapes import find_runs

Array = npt.NDArray[Any]


def keep_largest_pieces(labels: Array) -> Array:
    """Keep the largest 4-connected piece of each label; of equal ones the first, row by row.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background.

    Returns
    -------
    Label image of the same type; numbers stay.
    """
    width = labels.shape[1]
    rows, columns, length, own = find_runs(Block(0, len(labels), 0, width), labels)
    start = rows * width + columns
    piece, n_pieces = join_runs(start, length, own, width)
    size = np.bincount(piece, weights=length, minlength=n_pieces)
    owner = np.zeros(n_pieces, labels.dtype)
    owner[piece] = own
    order = np.lexsort((-size, owner))
    is_kept = np.zeros(n_pieces, bool)
    is_kept[order[np.unique(owner[order], return_index=True)[1]]] = True
    kept = labels.copy()
    dropped = ~is_kept[piece]
    kept.reshape(-1)[list_pixels(start[dropped], length[dropped])] = 0
    return kept


def join_runs(
    start: Array, length: Array, own: Array, width: int
) -> tuple[npt.NDArray[np.int32], int]:
    """Join runs of pixels along rows that touch, to 4-connected pieces.

    Parameters
    ----------
    start, length, own : (n,) int
        Flat index of the first pixel of each run, in order, how many it has, and its label: only
        runs of the same one are joined.
    width
        Of the image, in px; no run goes on in the next row.

    Returns
    -------
    piece : (n,) int32
        By run, numbered from 0 in the order of their first pixels.
    n_pieces : int
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    end = start + length
    # Of the row above, those that end behind the start of a run and begin before its end.
    first = np.searchsorted(end, start - width, side="right")
    count = np.searchsorted(start, end - width) - first
    lower = np.repeat(np.arange(len(start)), count)
    upper = list_pixels(first, count)
    same = own[lower] == own[upper]
    lower, upper = lower[same], upper[same]
    touch = coo_array((np.ones(len(upper), bool), (upper, lower)), (len(start), len(start)))
    n_pieces, piece = connected_components(touch, directed=False)
    return piece, n_pieces


def list_pixels(start: Array, length: Array) -> Array:
    """All pixels of runs, one run after the other."""
    skipped = start - np.cumsum(length) + length
    return np.asarray(np.repeat(skipped, length) + np.arange(length.sum()))


def fill_holes(foreground: Array) -> Array:
    """Set background that does not reach the border of the image to foreground.

    As `scipy.ndimage.binary_fill_holes`, in a fifth of the time (5.5 against 30 ms per megapixel).

    Parameters
    ----------
    foreground : (height, width) bool
    """
    filled = foreground.copy()
    filled.reshape(-1)[_find_enclosed(~foreground)[0]] = True
    return filled


def fill_label_holes(labels: Array, zones: Array) -> Array:
    """Give enclosed background that lies in the zone of one label to that label.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background. Gaps between several labels stay background.
    zones : (height, width) int
        Label image of the same shape and numbers; 0 belongs to none.

    Returns
    -------
    Label image of the type of `labels`.
    """
    inside, gap = _find_enclosed(labels == 0)
    zone = zones.reshape(-1)[inside]
    n = int(gap.max(initial=-1)) + 1
    lowest = np.full(n, np.iinfo(zones.dtype).max, zones.dtype)
    highest = np.zeros(n, zones.dtype)
    np.minimum.at(lowest, gap, zone)
    np.maximum.at(highest, gap, zone)
    filled = labels.copy()
    filled.reshape(-1)[inside] = np.where(lowest == highest, highest, 0)[gap]
    return filled


def _find_enclosed(background: Array) -> tuple[Array, Array]:
    """Pixels of the 4-connected pieces of a mask that keep off the border of the image.

    Flat index and piece of each.
    """
    height, width = background.shape
    rows, columns, length, own = find_runs(Block(0, height, 0, width), background)
    start = rows * width + columns
    piece, n_pieces = join_runs(start, length, own, width)
    is_enclosed = np.ones(n_pieces, bool)
    at_border = (rows == 0) | (rows == height - 1) | (columns == 0) | (columns + length == width)
    is_enclosed[piece[at_border]] = False
    chosen = is_enclosed[piece]
    start, length = start[chosen], length[chosen]
    return list_pixels(start, length), np.repeat(piece[chosen], length)

"""Drawing polygons as a label image."""

from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.labels.blocks import Block

Array = npt.NDArray[Any]


def draw_polygons(
    polygons: Array, probability: Array, shape: tuple[int, ...], window: Block | None = None
) -> npt.NDArray[np.int32]:
    """Draw star-convex polygons as a label image; the more probable one lies on top.

    Parameters
    ----------
    polygons : (n, 2, rays) float
        Rows and columns of the corners in px, as StarDist gives them.
    probability : (n,) float
    shape
        Rows and columns of the image.
    window
        The part of the image to draw; None: all of it.

    Returns
    -------
    int32 label image; label i + 1 is the i-th polygon.
    """
    from skimage.draw import polygon

    window = window or Block(0, shape[0], 0, shape[1])
    labels = np.zeros(window.shape, np.int32)
    if len(polygons) == 0:
        return labels
    low, high = polygons.min(axis=2), polygons.max(axis=2)
    seen = (high[:, 0] >= window.row) & (low[:, 0] <= window.end_row)
    seen &= (high[:, 1] >= window.column) & (low[:, 1] <= window.end_column)
    order = np.argsort(probability, kind="stable")
    for i in order[seen[order]]:
        rows, columns = polygon(*polygons[i], (window.end_row, window.end_column))
        inside = (rows >= window.row) & (columns >= window.column)
        labels[rows[inside] - window.row, columns[inside] - window.column] = i + 1
    return labels


def fill_polygon(corners: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Find the pixels whose centres lie in a polygon; where it crosses itself, by even and odd.

    A centre on its left or upper side is inside, one on its right or lower side is not.

    Parameters
    ----------
    corners : (n, 2) float
        x and y in px, pixel centres at whole numbers.
    shape
        Rows and columns of the image; what lies outside is left out.

    Returns
    -------
    (k,) int64
        Flat indices in the image, ascending.
    """
    height, width = shape
    x, y = np.asarray(corners, np.float64).T
    x_next, y_next = np.roll(x, -1), np.roll(y, -1)
    # Each side crosses the centre lines of the rows from `first` to before `end`.
    first = np.clip(np.ceil(np.minimum(y, y_next)), 0, height).astype(np.int64)
    end = np.clip(np.ceil(np.maximum(y, y_next)), 0, height).astype(np.int64)
    count = end - first
    side = np.repeat(np.arange(len(x)), count)
    if len(side) == 0:
        return np.zeros(0, np.int64)
    row = np.arange(len(side)) - np.repeat(np.cumsum(count) - count - first, count)
    slope = (x_next[side] - x[side]) / (y_next[side] - y[side])
    column = np.ceil(x[side] + (row - y[side]) * slope)
    column = np.clip(column, 0, width).astype(np.int64)
    top, left = row.min(), column.min()
    window = (row.max() - top + 1, column.max() - left + 1)
    place = np.ravel_multi_index((row - top, column - left), window)
    crossings = np.bincount(place, minlength=window[0] * window[1]).reshape(window)
    rows, columns = np.nonzero(np.cumsum(crossings, axis=1) % 2)
    return np.asarray((rows + top) * width + columns + left, np.int64)


def fill_circle(y: float, x: float, radius: float, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Find the pixels whose centres lie in a circle, and the one at its centre in any case.

    Parameters
    ----------
    y, x, radius
        In px, pixel centres at whole numbers.
    shape
        Rows and columns of the image; what lies outside is left out.

    Returns
    -------
    (k,) int64
        Flat indices in the image, ascending.
    """
    height, width = shape
    ends = [np.ceil(y - radius), np.floor(y + radius), np.ceil(x - radius), np.floor(x + radius)]
    top, bottom = np.clip(ends[:2], [0, -1], [height, height - 1]).astype(np.int64)
    left, right = np.clip(ends[2:], [0, -1], [width, width - 1]).astype(np.int64)
    rows, columns = np.arange(top, bottom + 1), np.arange(left, right + 1)
    inside = (rows[:, None] - y) ** 2 + (columns - x) ** 2 <= radius**2
    found = rows[:, None] * width + columns
    middle = np.floor([y + 0.5, x + 0.5])
    if ((middle >= 0) & (middle < shape)).all():
        return np.union1d(found[inside], middle[:1].astype(np.int64) * width + int(middle[1]))
    return np.asarray(found[inside], np.int64)

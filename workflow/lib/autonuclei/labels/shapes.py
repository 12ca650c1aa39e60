"""Centres of labels, and shapes from moments: of the pixels of labels, and of polygons."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.blocks import Block
from autonuclei.labels.strips import cut_strips

Array = npt.NDArray[Any]


class Runs(NamedTuple):
    """The pixels of the nuclei of a label image as runs along its rows.

    Attributes
    ----------
    shape
        Rows and columns of the image.
    rows, columns, length : (n,) int64
        Of each run its row, its first column and how many pixels it has, row by row.
    own : (n,) int
        The label of each run.
    """

    shape: tuple[int, ...]
    rows: Array
    columns: Array
    length: Array
    own: Array

    def sum_up(self, weights: Array) -> npt.NDArray[np.float64]:
        """Sum of a value of each run by label, (n + 1,)."""
        return np.bincount(self.own, weights=weights, minlength=1).astype(np.float64, copy=False)


def list_runs(labels: ArrayLike) -> Runs:
    """List the runs of a label image, found a strip of it at a time."""
    runs = [find_runs(block, strip) for block, strip in cut_strips(labels)]
    return Runs(labels.shape, *(np.concatenate(parts) for parts in zip(*runs, strict=True)))


def shift_runs(runs: Runs, step: tuple[int, int]) -> Runs:
    """Move a label image by whole rows and columns; what leaves it is cut off."""
    height, width = runs.shape
    rows = runs.rows + step[0]
    columns = np.maximum(runs.columns + step[1], 0)
    length = np.minimum(runs.columns + step[1] + runs.length, width) - columns
    inside = (rows >= 0) & (rows < height) & (length > 0)
    return Runs(runs.shape, rows[inside], columns[inside], length[inside], runs.own[inside])


def find_centres(labels: ArrayLike | Runs) -> npt.NDArray[np.float64]:
    """Centroids (row, column) by label, (n + 1, 2); NaN for absent ones and for 0."""
    runs = labels if isinstance(labels, Runs) else list_runs(labels)
    rows, columns, length = runs.rows, runs.columns, runs.length
    count = runs.sum_up(length)
    count[count == 0] = np.nan
    sums = [
        runs.sum_up(rows * length),
        runs.sum_up(columns * length + length * (length - 1) // 2),
    ]
    return np.asarray(np.stack(sums, axis=1) / count[:, None])


def find_spans(labels: Array, n_labels: int) -> npt.NDArray[np.int64]:
    """First and last row and column of each label: (n_labels, 2, 2), -1 for absent ones.

    Indices are label, axis, and first or last. As `scipy.ndimage.find_objects`, in less than half
    the time.
    """
    height, width = labels.shape
    rows, columns, length, own = find_runs(Block(0, height, 0, width), labels)
    spans = np.full((n_labels, 2, 2), -1)
    # Rows come in order, and the last value set stays.
    spans[own[::-1], 0, 0] = rows[::-1]
    spans[own, 0, 1] = rows
    first, last = np.full(n_labels, width), np.full(n_labels, -1)
    np.minimum.at(first, own, columns)
    np.maximum.at(last, own, columns + length - 1)
    present = last >= 0
    spans[present, 1, 0], spans[present, 1, 1] = first[present], last[present]
    return spans


def find_runs(block: Block, labels: Array) -> tuple[Array, Array, Array, Array]:
    """Row, first column, length and label of each run of pixels of a nucleus along a row."""
    flat, width = labels.ravel(), labels.shape[1]
    changes = flat[1:] != flat[:-1]
    changes[width - 1 :: width] = True
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    length = np.diff(starts, append=flat.size)
    own = flat[starts]
    some = own > 0
    rows, columns = np.divmod(starts[some], width)
    return rows + block.row, columns, length[some], own[some]


def find_pixels(labels: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """Flat index and label of every pixel that is no background, row by row."""
    flat = labels.reshape(-1)
    inside = np.flatnonzero(flat != 0)  # numpy looks fast for what is true only
    return inside, flat[inside]


def count_pixels(labels: Array) -> npt.NDArray[np.int64]:
    """Area in px by label; 0 for the background."""
    return np.bincount(find_pixels(labels)[1], minlength=1).astype(np.int64, copy=False)


def measure_means(values: Array, labels: Array) -> npt.NDArray[np.float64]:
    """Mean of the values of an image over each label; index 0 is meaningless."""
    inside, own = find_pixels(labels)
    total = np.bincount(own, weights=values.reshape(-1)[inside], minlength=1)
    return np.asarray(total / np.maximum(np.bincount(own, minlength=1), 1))


def measure_ellipticity(labels: Array) -> tuple[Array, Array]:
    """Area in px and ellipticity of each label; index 0 is meaningless.

    Ellipticity is the area over that of the ellipse with the same second moments: 1 for an
    ellipse, 0.95 for a rectangle, less for clumps, crescents and frayed shapes.
    """
    height, width = labels.shape
    y, left, length, own = find_runs(Block(0, height, 0, width), labels)
    right = left + length
    # Sums over the columns of a run, and over their squares.
    x = length * (left + right - 1) // 2
    xx = _sum_squares(right) - _sum_squares(left)
    weights = (length, y * length, x, y * y * length, xx, y * x)
    return fit_pixels(np.array([np.bincount(own, weights=w, minlength=1) for w in weights]))


def _sum_squares(n: Array) -> Array:
    """Sum of the squares of 0 to n - 1."""
    return np.asarray((n - 1) * n * (2 * n - 1) // 6)


def sum_pixels(inside: Array, own: Array, n: int, width: int) -> Array:
    """Number of pixels of each label and sums of y, x, yy, xx and yx; (6, n + 1), exact.

    Parameters
    ----------
    inside, own : (m,) int
        Flat index and label of every pixel that is no background.
    n
        Highest label.
    width
        Of the image, in px.
    """
    rows, columns = (axis.astype(np.float64) for axis in np.divmod(inside, width))
    weights = (None, rows, columns, rows * rows, columns * columns, rows * columns)
    return np.array([np.bincount(own, weights=w, minlength=n + 1) for w in weights], np.float64)


def fit_pixels(sums: Array) -> tuple[Array, Array]:
    """Area and ellipticity from the sums of `sum_pixels`."""
    area = sums[0].astype(np.int64)
    y, x, yy, xx, yx = sums[1:] / np.maximum(area, 1)
    # A pixel is a square, which adds its own moments of 1/12.
    yy, xx = yy - y * y + 1 / 12, xx - x * x + 1 / 12
    spread = np.sqrt(np.maximum(yy * xx - (yx - y * x) ** 2, 1e-9))
    return area, area / (4 * np.pi * spread)


def measure_polygon(corners: Array) -> float:
    """Ellipticity (as of `measure_ellipticity`) of a polygon of (n, 2) rows and columns."""
    points = corners - corners.mean(axis=0)
    sums = sum_moments(points, np.roll(points, -1, axis=0)).sum(axis=0)
    return float(fit_moments(np.sign(sums[0]) * sums)[1])


def sum_moments(start: Array, end: Array) -> Array:
    """What the edges of a polygon add to its area and its first and second moments.

    Points are (..., 2) rows and columns. Gives (..., 6): area, sums of y, x, yy, xx and yx
    (Green's theorem).
    """
    (y, x), (v, u) = np.moveaxis(start, -1, 0), np.moveaxis(end, -1, 0)
    cross = x * v - u * y
    return np.stack(
        [
            cross / 2,
            cross * (y + v) / 6,
            cross * (x + u) / 6,
            cross * (y * y + y * v + v * v) / 12,
            cross * (x * x + x * u + u * u) / 12,
            cross * (x * v + 2 * x * y + 2 * u * v + u * y) / 24,
        ],
        axis=-1,
    )


def fit_moments(sums: Array) -> tuple[Array, Array]:
    """Area and ellipticity (as of `measure_ellipticity`) from (..., 6) sums of moments."""
    area = np.maximum(sums[..., 0], 1e-9)
    y, x, yy, xx, yx = np.moveaxis(sums[..., 1:] / area[..., None], -1, 0)
    spread = (yy - y * y) * (xx - x * x) - (yx - y * x) ** 2
    return area, area / (4 * np.pi * np.sqrt(np.maximum(spread, 1e-9)))

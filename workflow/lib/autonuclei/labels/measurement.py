"""Measuring the objects of a label image: a table with one row per object.

All objects of an image, or of a strip of a large one, are measured at once; going through them
one by one takes seconds for a frame of a thousand nuclei.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.blocks import Block
from autonuclei.labels.shapes import find_runs
from autonuclei.labels.strips import cut_strips, find_median, hold, share_out

Array = npt.NDArray[Any]

OBJECT_COLUMNS = (
    "frame",
    "label",
    "y_px",
    "x_px",
    "area_px",
    "mean_intensity",
    "total_intensity",
    "std_intensity",
    "max_intensity",
    "background_intensity",
    "perimeter_px",
    "solidity",
    "eccentricity",
    "major_axis_px",
    "minor_axis_px",
    "orientation_rad",
    "touches_border",
    "probability",
    "y_um",
    "x_um",
    "area_um2",
)


def measure_objects(
    labels: ArrayLike,
    image: ArrayLike,
    *,
    frame: int = 0,
    pixel_size_um: float | None = None,
    probability: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Measure every object of a label image.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background; numbers may have gaps.
    image : (height, width)
        Grey values.
    frame
        Written into the column `frame`.
    pixel_size_um
        Micrometres per pixel; None gives NaN in the columns in micrometres.
    probability
        Of the network, as `predict_nuclei` gives it: its entry i belongs to label i + 1. None
        gives NaN.

    Returns
    -------
    DataFrame
        `OBJECT_COLUMNS`, a row per object in order of its label. Centroids count pixel centres at
        whole numbers. Axes, eccentricity and orientation are those of the ellipse with the same
        second moments, each pixel counted as a unit square (scikit-image counts it as a point,
        which makes the squares of its axes 4/3 px smaller). Perimeter: Benkrid and Crookes
        (2000), as in scikit-image. Solidity is the area over that of the convex hull of the
        pixels' corners. The background is the median grey value of all pixels outside the
        objects of the image, NaN where there are none.

    Raises
    ------
    ValueError
        Labels and image differ in shape, or a label has no probability.
    """
    if labels.shape != image.shape:
        raise ValueError(f"labels {labels.shape} and image {image.shape} differ in shape")
    labels, image = hold(labels), hold(image)
    parts = [
        _measure_part(
            strip.own_labels,
            image[strip.block.slices],
            first_row=strip.block.row,
            height=labels.shape[0],
        )
        for strip in share_out(labels)
    ]
    measured = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(measured["label"], kind="stable")
    measured = {name: values[order] for name, values in measured.items()}
    numbers = measured["label"]
    n = len(numbers)
    size = np.nan if pixel_size_um is None else pixel_size_um
    given = np.full(n, np.nan)
    if probability is not None:
        known = np.asarray(probability, np.float64)
        if numbers.max(initial=0) > len(known):
            raise ValueError(f"label {numbers.max()} has no probability, there are {len(known)}")
        given = known[numbers - 1]
    measured |= {
        "frame": np.full(n, frame, np.int64),
        "background_intensity": np.full(n, _measure_background(labels, image)),
        "probability": given,
        "y_um": measured["y_px"] * size,
        "x_um": measured["x_px"] * size,
        "area_um2": measured["area_px"] * size**2,
    }
    return pd.DataFrame({name: measured[name] for name in OBJECT_COLUMNS})


def _measure_part(labels: Array, image: Array, *, first_row: int, height: int) -> dict[str, Array]:
    """Measure the objects of a strip of an image of some height; none is cut.

    From runs of pixels along the rows, of which there are far fewer than pixels.
    """
    n_rows, width = labels.shape
    rows, left, length, own = find_runs(Block(first_row, first_row + n_rows, 0, width), labels)
    present = np.bincount(own, minlength=1) > 0
    numbers = np.flatnonzero(present)
    index_of = np.cumsum(present) - 1
    index = index_of[own]
    n = len(numbers)

    def total(weights: Array) -> Array:
        return np.bincount(index, weights=weights, minlength=n)

    area = total(length).astype(np.int64)
    middle = left + (length - 1) / 2
    y, x = total(length * rows) / area, total(length * middle) / area
    dy, dx = rows - y[index], middle - x[index]
    # The pixels of a run lie on both sides of its middle.
    spread = (length**2 - 1) / 12
    axes = _fit_ellipses(
        total(length * dy * dy) / area,
        total(length * (dx * dx + spread)) / area,
        total(length * dy * dx) / area,
    )
    border = (rows == 0) | (rows == height - 1) | (left == 0) | (left + length == width)

    # Of all runs, one after the other.
    values = image.reshape(-1)[labels.reshape(-1) != 0].astype(np.float64)
    begin = np.cumsum(length) - length
    whole = total(np.add.reduceat(values, begin))
    mean = whole / area
    largest = np.full(n, -np.inf)
    np.maximum.at(largest, index, np.maximum.reduceat(values, begin))
    deviation = values - np.repeat(mean[index], length)
    return {
        "label": numbers.astype(np.int64),
        "y_px": y,
        "x_px": x,
        "area_px": area,
        "mean_intensity": mean,
        # A whole number is written with all its digits.
        "total_intensity": whole.astype(np.int64) if image.dtype.kind in "biu" else whole,
        "std_intensity": np.sqrt(total(np.add.reduceat(deviation * deviation, begin)) / area),
        "max_intensity": largest,
        "perimeter_px": _measure_perimeters(labels, index_of, n),
        "solidity": area / _measure_hulls(index, rows, left, left + length, n),
        **axes,
        "touches_border": total(border) > 0,
    }


def _measure_background(labels: ArrayLike, image: ArrayLike) -> float:
    """Median grey value outside all objects; NaN where objects cover everything."""
    outside = [image[block.slices][strip == 0] for block, strip in cut_strips(labels)]
    return find_median(outside)


def _fit_ellipses(yy: Array, xx: Array, yx: Array) -> dict[str, Array]:
    """Axes (px), eccentricity and orientation from second central moments per object."""
    yy, xx = yy + 1 / 12, xx + 1 / 12
    half, root = (yy + xx) / 2, np.sqrt(((yy - xx) / 2) ** 2 + yx**2)
    large, small = half + root, np.clip(half - root, 0, None)
    return {
        "eccentricity": np.sqrt(1 - small / large),
        "major_axis_px": 4 * np.sqrt(large),
        "minor_axis_px": 4 * np.sqrt(small),
        "orientation_rad": 0.5 * np.arctan2(2 * yx, yy - xx),
    }


def _measure_perimeters(labels: Array, index_of: Array, n: int) -> Array:
    """Perimeter (px) of each of `n` objects, from the pixels on their borders.

    `index_of` has the place of each label among the objects.
    """
    padded = np.pad(labels, 1)
    flat, width = padded.reshape(-1), padded.shape[1]
    is_border = np.zeros(flat.shape, bool)
    for shift in (1, width):
        differ = flat[shift:] != flat[:-shift]
        is_border[shift:] |= differ
        is_border[:-shift] |= differ
    is_border &= flat != 0
    places = np.flatnonzero(is_border)
    own = flat[places]

    def find_equal(*shifts: int) -> list[Array]:
        beside = [places + shift for shift in shifts]
        return [(flat[place] == own) & is_border[place] for place in beside]

    straight = np.sum(find_equal(-width, -1, 1, width), axis=0)
    diagonal = np.sum(find_equal(-width - 1, -width + 1, width - 1, width + 1), axis=0)
    code = 1 + 2 * straight + 10 * diagonal
    weight = np.zeros(64)
    weight[[5, 7, 15, 17, 25, 27]] = 1
    weight[[21, 33]] = np.sqrt(2)
    weight[[13, 23]] = (1 + np.sqrt(2)) / 2
    perimeter = np.bincount(index_of[own], weights=weight[code], minlength=n)
    return perimeter.astype(np.float64, copy=False)  # whole numbers without an object


def _measure_hulls(index: Array, rows: Array, left: Array, right: Array, n: int) -> Array:
    """Area of the convex hull of each object, in px.

    It runs over corners of the first and last pixel of an object in each row. A corner on or
    within the line from the one before to the one after is not on the hull. What is left when all
    of these are taken out, of what is left again and so on, is the hull. Points are whole numbers,
    so that nothing is rounded.

    Parameters
    ----------
    index, rows, left, right : (m,) int
        Runs of pixels, row after row: of which object, in which row, and the columns from `left`
        to `right`, not included.
    n
        How many objects there are.
    """
    if n == 0:
        return np.zeros(0)
    order = np.argsort(index, kind="stable")
    index, rows, left, right = index[order], rows[order], left[order], right[order]
    is_first = np.r_[True, (np.diff(index) != 0) | (np.diff(rows) != 0)]
    is_last = np.r_[is_first[1:], True]
    index, rows, left, right = index[is_first], rows[is_first], left[is_first], right[is_last]
    area = np.zeros(n)
    for side, sign, outermost in ((left, -1, np.minimum), (right, 1, np.maximum)):
        # Each pixel has a corner above and one below; of those at the same height one counts.
        own = np.repeat(index, 2)
        y = np.column_stack([rows, rows + 1]).ravel()
        starts = np.flatnonzero(np.r_[True, (own[1:] != own[:-1]) | (y[1:] != y[:-1])])
        own, y, x = own[starts], y[starts], outermost.reduceat(np.repeat(side, 2), starts)
        while True:
            dy, dx = np.diff(y), np.diff(x)
            turn = dy[:-1] * dx[1:] - dx[:-1] * dy[1:]
            drop = (own[2:] == own[:-2]) & (sign * turn >= 0)
            if not drop.any():
                break
            keep = np.r_[True, ~drop, True]
            own, y, x = own[keep], y[keep], x[keep]
        strip = np.where(own[1:] == own[:-1], sign * (x[1:] + x[:-1]) * np.diff(y) / 2, 0)
        area += np.bincount(own[1:], weights=strip, minlength=n)
    return area

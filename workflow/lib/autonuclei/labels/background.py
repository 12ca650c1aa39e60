"""The light beside the cells: the local background of an image."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# The grid of blocks: side of a block in diameters of a nucleus, and at least in px.
BLOCK_DIAMETERS, SMALLEST_BLOCK_PX = 8, 64
# A block, or an image, with fewer free pixels has no background of its own.
FEWEST_PX = 100
# Pixels that are read along each side of a block: more make it no better.
SAMPLED_PX = 64


class Background(NamedTuple):
    """The background of an image at given places.

    Attributes
    ----------
    level : (n,) float64
        Grey value, NaN where unknown.
    error : float
        Standard error of a block: how far blocks differ from their neighbours.
    is_local : (n,) bool
        Whether it was measured in the block of the place or in one beside that.
    """

    level: Floats
    error: float
    is_local: Flags


def measure_background(
    image: Array, free: Flags, y_px: Floats, x_px: Floats, *, diameter_px: float
) -> Background:
    """Measure the local background from the pixels that are free of cells.

    As in SExtractor (Bertin and Arnouts 1996, Astronomy and Astrophysics Supplement 117:393):
    the image is divided into blocks, the level of each is the median of its free pixels after
    bright ones were left out, a median filter over 3 x 3 blocks takes out blocks that are full
    of light, and between the centres of the blocks the level is interpolated. Light of cells
    only ever adds, so the spread is measured below the median and pixels are cut off above it,
    at three standard deviations: parts of cells that no mask covers may take up to about a
    third of the free pixels. A block with fewer than 100 free pixels takes the level of the
    nearest that has more; an image without such a block that of all its free pixels together.

    Parameters
    ----------
    image : (height, width)
        Grey values; those that are NaN or infinite are not looked at.
    free : (height, width) bool
        Pixels without any cell.
    y_px, x_px : (n,)
        The places where it is wanted.
    diameter_px
        Of a typical nucleus: blocks are eight times as wide, and at least 64 px.

    Returns
    -------
    Background
        Unknown where the image has fewer than 100 free pixels.
    """
    side = max(SMALLEST_BLOCK_PX, BLOCK_DIAMETERS * diameter_px)
    n_rows, n_columns = (max(1, round(length / side)) for length in image.shape)
    rows = np.linspace(0, image.shape[0], n_rows + 1).astype(np.int64)
    columns = np.linspace(0, image.shape[1], n_columns + 1).astype(np.int64)
    step = max(1, int(side / SAMPLED_PX))
    levels = np.full((n_rows, n_columns), np.nan)
    for row in range(n_rows):
        for column in range(n_columns):
            block = np.s_[
                rows[row] : rows[row + 1] : step, columns[column] : columns[column + 1] : step
            ]
            levels[row, column] = find_level(image[block][free[block]])
    known = np.isfinite(levels)
    if not known.any():
        level = find_level(image[free])
        return Background(np.full(len(y_px), level), 0.0, np.zeros(len(y_px), np.bool_))
    nearest = ndi.distance_transform_edt(~known, return_distances=False, return_indices=True)
    # Continued beyond the image as it runs, so that a slope stays one up to the border.
    padded = np.pad(levels[tuple(nearest)], 2, "reflect", reflect_type="odd")
    smooth = ndi.median_filter(padded, 3)[1:-1, 1:-1]
    error = 1.4826 * float(np.median(np.abs(levels - smooth[1:-1, 1:-1])[known]))
    block_y = (y_px + 0.5) * n_rows / image.shape[0] - 0.5
    block_x = (x_px + 0.5) * n_columns / image.shape[1] - 0.5
    level = ndi.map_coordinates(smooth, [block_y + 1, block_x + 1], order=1)
    around = ndi.binary_dilation(known, np.ones((3, 3)))
    is_local = around[np.rint(block_y).astype(np.int64), np.rint(block_x).astype(np.int64)]
    return Background(level, error, is_local)


def find_level(values: Array) -> float:
    """Find the level of pixels of which some are too bright; NaN for fewer than 100 pixels.

    The median below a limit of three standard deviations, which are measured below the median.
    Whole numbers stand for the range that was rounded to them, so that the level of a dark
    image is not a step of its grey values.
    """
    is_whole = values.dtype.kind != "f"
    values = np.sort(values if is_whole else values[np.isfinite(values)])
    n = len(values)
    if n < FEWEST_PX:
        return np.nan
    for _ in range(20):
        middle = float(values[n // 2])
        spread = max(middle - float(values[int(0.1587 * n)]), 1.0 if is_whole else 0.0)
        limit = middle + 3 * spread
        below = int(np.searchsorted(values[:n], limit, side="right"))
        if below == n:
            break
        n = below
    if not is_whole:
        return float(np.median(values[:n]))
    first = int(np.searchsorted(values[:n], middle, side="left"))
    last = int(np.searchsorted(values[:n], middle, side="right"))
    return middle - 0.5 + (n / 2 - first) / (last - first)

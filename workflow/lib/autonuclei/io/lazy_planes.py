"""Images that stay in their file, of which parts are read: for those that are too large to hold.

What works through an image part by part takes anything with `shape`, `dtype` and slices of rows
and columns: an array, or a `LazyPlane`.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autonuclei.io.formats.base import Window, move_window

Array = npt.NDArray[Any]

# What is read at once where an image is gone through from top to bottom: about so many pixels, in
# rows as tiles have them.
_BAND_PX = 2**22
_BAND_ROWS = 512


class ArrayLike(Protocol):
    """An image of rows and columns: a numpy array, or a `LazyPlane`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __getitem__(self, part: tuple[slice, slice], /) -> Array: ...


class LazyPlane:
    """An image in a file; `plane[10:20, 30:40]` reads that part as a numpy array.

    `np.asarray(plane)` reads all of it.

    Parameters
    ----------
    shape : (height, width)
    dtype
    read
        Gives the pixels of a window.
    """

    ndim = 2

    def __init__(
        self, shape: tuple[int, int], dtype: npt.DTypeLike, read: Callable[[Window], Array]
    ) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype = np.dtype(dtype)
        self._read = read

    def __getitem__(self, part: tuple[slice, slice], /) -> Array:
        (row, end_row, row_step), (column, end_column, column_step) = (
            one.indices(size) for one, size in zip(part, self.shape, strict=True)
        )
        if row_step != 1 or column_step != 1:
            raise ValueError("rows and columns cannot be left out")
        if row >= end_row or column >= end_column:
            return np.zeros((max(0, end_row - row), max(0, end_column - column)), self.dtype)
        return self._read((row, end_row, column, end_column))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        whole = self[:, :]
        return whole if dtype is None else whole.astype(dtype)

    def cut(self, window: Window) -> "LazyPlane":
        """Part of the image; the window lies within it."""
        row, end_row, column, end_column = window

        def read(part: Window) -> Array:
            return self._read(move_window(part, row, column))

        return LazyPlane((end_row - row, end_column - column), self.dtype, read)

    def map(self, function: Callable[[Array], Array], dtype: npt.DTypeLike) -> "LazyPlane":
        """The image with a function of its pixels applied to each part that is read."""
        shape = self.shape[0], self.shape[1]
        return LazyPlane(shape, dtype, lambda window: function(self._read(window)))


def iterate_bands(image: ArrayLike, multiple: int | None = None) -> Iterator[Array]:
    """Go through an image from top to bottom, in bands of full width.

    Parameters
    ----------
    multiple
        Each band but the last has a multiple of so many rows; None: of those of usual tiles.
    """
    height, width = image.shape
    multiple = multiple or _BAND_ROWS
    rows = max(1, _BAND_PX // max(1, width) // multiple) * multiple
    for row in range(0, height, rows):
        yield image[row : row + rows, :]

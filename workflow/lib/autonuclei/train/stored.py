"""Images and labels of a training as they are stored; parts of them as the network takes them.

A training looks at patches. Kept are 8 or 16 bits per pixel, as the files have them; what is read
is normalised, and resized where the network sees another scale, in the moment in which it is read.
"""

import copy
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.preprocessing import (
    find_nearest,
    find_range,
    rescale_part,
    scaled_shape,
    stretch_image,
)

Array = npt.NDArray[Any]


class StoredPlane(ABC):
    """A stored image in pixels of the network; `plane[rows, columns]`, two slices, is an array.

    Parameters
    ----------
    stored : (height, width)
        Not copied.
    scale
        Pixels of the network per stored pixel.
    """

    ndim = 2

    def __init__(self, stored: Array, scale: float = 1.0) -> None:
        self._stored, self._scale = stored, scale
        height, width = scaled_shape(stored.shape, scale)
        self._rows, self._columns = slice(0, height), slice(0, width)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels of the network."""
        return self._rows.stop - self._rows.start, self._columns.stop - self._columns.start

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    def cut(self, rows: slice, columns: slice) -> Self:
        """A part of the image, still as it is stored."""
        part = copy.copy(self)
        part._rows, part._columns = self._place(rows, columns)
        return part

    def __getitem__(self, place: tuple[slice, slice]) -> Array:
        return self._read(*self._place(*place))

    def _place(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Slices of this image as slices of the whole."""
        placed = []
        for own, wanted in ((self._rows, rows), (self._columns, columns)):
            start, stop, _ = wanted.indices(own.stop - own.start)
            placed.append(slice(own.start + start, own.start + stop))
        return placed[0], placed[1]

    @abstractmethod
    def _read(self, rows: slice, columns: slice) -> Array:
        """A part as the network takes it; slices are of the whole stored image."""


class StoredImage(StoredPlane):
    """Grey values, of which parts are float32 and normalised as `normalize_image` does it.

    With `normalized` they are so already.
    """

    def __init__(self, stored: Array, scale: float = 1.0, *, normalized: bool = False) -> None:
        super().__init__(stored, scale)
        self._range = (0.0, 1.0) if normalized else find_range(stored)

    def _read(self, rows: slice, columns: slice) -> Array:
        if self._scale == 1:
            return self._normalize(self._stored[rows, columns])
        return rescale_part(self._stored, self._scale, rows, columns, self._normalize)

    def _normalize(self, part: Array) -> Array:
        return stretch_image(part, *self._range)


class StoredLabels(StoredPlane):
    """Labels: 0 background, -1 ignored."""

    def _read(self, rows: slice, columns: slice) -> Array:
        if self._scale == 1:
            return self._stored[rows, columns]
        height, width = scaled_shape(self._stored.shape, self._scale)
        nearest = (
            find_nearest(height, self._stored.shape[0])[rows],
            find_nearest(width, self._stored.shape[1])[columns],
        )
        return self._stored[np.ix_(*nearest)]


def shrink_labels(labels: Array) -> Array:
    """Labels with 16 bits, where their numbers allow it."""
    fits = labels.max(initial=0) <= np.iinfo(np.int16).max
    return labels.astype(np.int16, copy=False) if fits else labels

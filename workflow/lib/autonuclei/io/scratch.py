"""Images on disk for the own use of a job, read and written window by window."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.io.lazy_planes import ArrayLike, iterate_bands

Slices = tuple[slice, slice]


class ScratchImage:
    """An image in a file, of which only the windows in use stand in memory; 0 at first.

    Parameters
    ----------
    path
        File to make. Whoever made its folder removes it.
    shape
        Rows and columns.
    dtype
    """

    def __init__(
        self, path: str | os.PathLike[str], shape: tuple[int, int], dtype: npt.DTypeLike
    ) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype = np.dtype(dtype)
        self._path = Path(path)
        with self._path.open("wb") as file:
            file.truncate(shape[0] * shape[1] * self.dtype.itemsize)

    def __getitem__(self, window: Slices) -> npt.NDArray[Any]:
        return np.array(self._map("r")[window])

    def __setitem__(self, window: Slices, values: npt.NDArray[Any]) -> None:
        self._map("r+")[window] = values

    def remove(self) -> None:
        """Delete its file."""
        self._path.unlink()

    def _map(self, mode: Any) -> npt.NDArray[Any]:
        # Mapped anew each time, so that what was used counts as memory of the job no longer.
        return np.memmap(self._path, self.dtype, mode, shape=self.shape)


def copy_image(image: ArrayLike, path: str | os.PathLike[str]) -> ScratchImage:
    """Copy an image band by band, so that its windows are read fast and more than once."""
    height, width = image.shape
    copied = ScratchImage(path, (height, width), image.dtype)
    row = 0
    for band in iterate_bands(image):
        copied[slice(row, row + len(band)), slice(0, width)] = band
        row += len(band)
    return copied

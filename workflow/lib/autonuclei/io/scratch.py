"""Images on disk for the own use of a job, read and written window by window."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

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
        self.shape = shape
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

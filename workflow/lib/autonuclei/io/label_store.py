"""The masks of a sample, frame by frame: a movie's in one stack, stills' in a folder of files."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tifffile

from autonuclei.errors import InputError


class LabelStore:
    """The label images of a sample as the segmentation wrote them, opened once for all frames.

    Use it in a ``with`` statement.

    Parameters
    ----------
    path
        ``labels.tif`` of a movie, one page for each frame from 0 on, or the folder ``labels`` of
        stills, one file for each image.
    names
        Names of the files in the folder without ``.tif``, by frame number; a movie needs none.

    Raises
    ------
    InputError
        The stack cannot be opened.
    """

    def __init__(
        self, path: str | os.PathLike[str], names: Mapping[int, str] | None = None
    ) -> None:
        self._path = Path(path)
        self._names = names or {}
        self._open_files = ExitStack()
        self._pages: tifffile.TiffPages | None = None
        if not self._path.is_dir():
            try:
                stack = self._open_files.enter_context(tifffile.TiffFile(self._path))
            except (OSError, tifffile.TiffFileError) as error:
                raise _refuse(self._path, error) from error
            self._pages = stack.pages

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the stack; nothing can be read afterwards."""
        self._open_files.close()

    def has(self, frame: int) -> bool:
        """Whether a frame has masks; a still that was skipped has none."""
        if self._pages is not None:
            return 0 <= frame < len(self._pages)
        return frame in self._names and self._locate(frame).is_file()

    def read(self, frame: int) -> npt.NDArray[np.int32]:
        """The label image of a frame; 0 is background.

        Returns
        -------
        (height, width) int32, whatever the type in the file.

        Raises
        ------
        InputError
            The file is missing or damaged.
        """
        path = self._path if self._pages is not None else self._locate(frame)
        try:
            if self._pages is not None:
                labels = self._pages[frame].asarray()
            else:
                labels = tifffile.imread(path)
        except Exception as error:  # what the decoders of a damaged file raise
            raise _refuse(path, error, frame) from error
        return np.asarray(labels).astype(np.int32)

    def __getitem__(self, frame: int) -> npt.NDArray[np.int32]:
        """As `read`, so that a store can stand for a list of label images."""
        return self.read(frame)

    def _locate(self, frame: int) -> Path:
        return self._path / f"{self._names[frame]}.tif"


def read_pages(paths: Iterable[str | os.PathLike[str]]) -> Iterator[npt.NDArray[Any]]:
    """Read the label images in several stacks one after the other, in the types of the files."""
    for path in paths:
        with tifffile.TiffFile(path) as stack:
            for page in stack.pages:
                yield page.asarray()


def find_dtype(paths: Iterable[str | os.PathLike[str]]) -> np.dtype[Any]:
    """Find the type that holds the labels of all pages of several stacks, from their headers."""
    kinds = []
    for path in paths:
        with tifffile.TiffFile(path) as stack:
            kinds += [page.dtype for page in stack.pages]
    return np.result_type(*kinds)


def _refuse(path: Path, error: Exception, frame: int | None = None) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    which = "" if frame is None else f" of frame {frame}"
    return InputError(
        f"{path}: the masks{which} cannot be read ({reason}). Delete it and run again."
    )

"""The masks of a sample, frame by frame: a movie's in one stack, stills' in a folder of files."""

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.formats.base import Window
from autonuclei.io.formats.tiff_pages import NO_PAGE, list_pages
from autonuclei.io.formats.tiff_windows import read_page_window
from autonuclei.io.lazy_planes import ArrayLike, LazyPlane

# Images of more pixels are written in tiles of this side.
_ONE_PIECE_PX = 2**24
_TILE = 512


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
        self._still: tuple[int, tifffile.TiffFile] | None = None
        if not self._path.is_dir():
            self._pages = self._open_files.enter_context(_open_stack(self._path)).pages

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
        """Close the files; nothing can be read afterwards."""
        self._open_files.close()
        if self._still is not None:
            self._still[1].close()
        self._still = None

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
        return self._read(frame, None)

    def defer(self, frame: int) -> LazyPlane:
        """The label image of a frame, to be read part by part as long as the store is open.

        Raises
        ------
        InputError
            The file is missing or damaged, now or when a part is read.
        """
        with self._explain(frame):
            height, width = self._find_page(frame).shape
        return LazyPlane((height, width), np.int32, lambda window: self._read(frame, window))

    def _read(self, frame: int, window: Window | None) -> npt.NDArray[np.int32]:
        with self._explain(frame):
            page = self._find_page(frame)
            labels = page.asarray() if window is None else _read_part(page, window)
        return np.asarray(labels).astype(np.int32)

    def _find_page(self, frame: int) -> Any:
        if self._pages is not None:
            return self._pages[frame]
        if self._still is None or self._still[0] != frame:
            if self._still is not None:
                self._still[1].close()
                self._still = None
            self._still = frame, tifffile.TiffFile(self._locate(frame))
        return self._still[1].pages[0]

    @contextmanager
    def _explain(self, frame: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # what the decoders of a damaged file raise
            path = self._path if self._pages is not None else self._locate(frame)
            raise _refuse(path, error, frame) from error

    def __getitem__(self, frame: int) -> npt.NDArray[np.int32]:
        """As `read`, so that a store can stand for a list of label images."""
        return self.read(frame)

    def _locate(self, frame: int) -> Path:
        return self._path / f"{self._names[frame]}.tif"


class DeferredLabels:
    """The label images of a store, large ones as planes to be read part by part."""

    def __init__(self, store: LabelStore) -> None:
        self._store = store

    def __getitem__(self, frame: int) -> ArrayLike:
        plane = self._store.defer(frame)
        is_large = plane.shape[0] * plane.shape[1] > _ONE_PIECE_PX
        return plane if is_large else self._store.read(frame)


def write_page(stack: tifffile.TiffWriter, labels: ArrayLike, dtype: npt.DTypeLike) -> None:
    """Add a label image to a stack for the workflow's own use.

    Large ones are in tiles, so that a part is read without the rest; of one that is no array no
    more than a band is in memory.
    """
    options = {"compression": "zstd", "compressionargs": {"level": 1}, "metadata": None}
    height, width = labels.shape
    if height * width <= _ONE_PIECE_PX:
        stack.write(labels[:, :].astype(dtype), contiguous=False, **options)
        return
    tiles = (
        np.ascontiguousarray(band[:, column : column + _TILE], dtype)
        for band in (labels[row : row + _TILE, :] for row in range(0, height, _TILE))
        for column in range(0, width, _TILE)
    )
    stack.write(tiles, shape=labels.shape, dtype=dtype, tile=(_TILE, _TILE), **options)


def open_pages(paths: Iterable[str | os.PathLike[str]]) -> Iterator[LazyPlane]:
    """Give the label images in several stacks one after the other, to be read part by part.

    Each must be read before the next is asked for. Types are those of the files.
    """
    for path in paths:
        with _open_stack(path) as stack:
            for page in stack.pages:
                height, width = page.shape
                yield LazyPlane(
                    (height, width), page.dtype, functools.partial(_read_whole_part, path, page)
                )


def _read_whole_part(path: str | os.PathLike[str], page: Any, window: Window) -> npt.NDArray[Any]:
    try:
        return _read_part(page, window)
    except Exception as error:  # what the decoders of a damaged file raise
        raise _refuse(Path(path), error) from error


def _read_part(page: Any, window: Window) -> npt.NDArray[Any]:
    return read_page_window(page, window)[0, ..., 0]


def find_dtype(paths: Iterable[str | os.PathLike[str]]) -> np.dtype[Any]:
    """Find the type that holds the labels of all pages of several stacks, from their headers."""
    kinds = []
    for path in paths:
        with _open_stack(path) as stack:
            kinds += [page.dtype for page in stack.pages]
    return np.result_type(*kinds)


@contextmanager
def _open_stack(path: str | os.PathLike[str]) -> Iterator[tifffile.TiffFile]:
    """Open a stack of ours; refuses one that was cut short, which tifffile takes as it is."""
    try:
        problem = list_pages(path).problem
        if problem not in ("", NO_PAGE):  # that of stills that were all skipped
            raise ValueError(problem)
        stack = tifffile.TiffFile(path)
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise _refuse(Path(path), error) from error
    with stack:
        yield stack


def _refuse(path: Path, error: Exception, frame: int | None = None) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    which = "" if frame is None else f" of frame {frame}"
    return InputError(
        f"{path}: the masks{which} cannot be read ({reason}). Delete it and run again."
    )

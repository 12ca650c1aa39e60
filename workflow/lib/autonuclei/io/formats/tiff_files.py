"""The files of a TIFF set: their chains of pages, open files, and what is to be told of them."""

import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.formats.tiff_pages import PageChain, list_pages

_MOST_OPEN_FILES = 16
_MOST_PLANNED = 2**18
_JPEG = (7, 33007, 34892)
_OLD_JPEG = 6
_APERIO_YCBCR = 33003
SAVE_AGAIN = "save it again uncompressed in the program that wrote it, or in Fiji if it opens it"
_UNREADABLE_COLOURS = {
    5: "inks for print (CMYK)", 8: "CIE L*a*b* colours", 9: "ICC L*a*b* colours",
    10: "ITU L*a*b* colours", 32803: "the raw mosaic of a colour camera",
    34892: "the raw data of a camera", 32844: "the logarithm of luminance (LogL)",
    32845: "logarithmic colours (LogLuv)",
}  # fmt: skip


class Place(NamedTuple):
    """A page of a file. `offset` is 0 until it is looked up by the number of the page."""

    path: Path
    page: int
    offset: int = 0


class TiffFiles:
    """A TIFF file and the others of its set.

    Parameters
    ----------
    path
        The file that was asked for.

    Attributes
    ----------
    names
        All files that pixels or header come from, first the one asked for.
    notes
        What is to be told of them, a line each.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = [path]
        self.notes: list[str] = []
        self._tifs: dict[Path, Any] = {}
        self._chains: dict[Path, PageChain] = {}

    def close(self) -> None:
        """Let go of all files."""
        for tif in self._tifs.values():
            tif.close()
        self._tifs.clear()

    def note(self, *lines: str) -> None:
        """Tell the user, each line once."""
        self.notes += [line for line in dict.fromkeys(lines) if line not in self.notes]

    def refuse(self, reason: str) -> InputError:
        """The error for a sound file that cannot be taken; names from it may have any character."""
        return InputError(f"{self.path}: {' '.join(reason.split())}.")

    def add(self, paths: Iterable[Path]) -> None:
        """Count files to the set."""
        known = {path.absolute() for path in self.names}
        for path in paths:
            if path.absolute() not in known:
                self.names.append(path)
                known.add(path.absolute())

    def list_pages(self, path: Path) -> PageChain:
        """The chain of pages of a file of the set."""
        if path not in self._chains:
            self._chains[path] = list_pages(path)
        return self._chains[path]

    def open(self, path: Path) -> Any:
        """The open TIFF of this path; what was used longest ago is closed."""
        tif = self._tifs.get(path) or tifffile.TiffFile(path)
        self._keep(path, tif)
        return tif

    def _keep(self, path: Path, tif: Any) -> None:
        self._tifs.pop(path, None)
        self._tifs[path] = tif
        if len(self._tifs) > _MOST_OPEN_FILES:
            oldest = next(known for known in self._tifs if known != self.path)
            self._tifs.pop(oldest).filehandle.close()

    def load(self, place: Any) -> Any:
        """The page of a place, with its entries; a page of tifffile as it is, its file open."""
        if not isinstance(place, Place):
            handle = place.parent.filehandle
            if handle.closed:
                handle.open()
                self._keep(Path(handle.path), place.parent)
            return place
        offset = place.offset
        if not offset:
            pages = self.list_pages(place.path).pages
            if place.page >= len(pages):
                raise InputError(
                    f"{place.path}: has {len(pages)} pages, but page {place.page + 1} should be in "
                    "it. It is damaged or was changed; copy or export it again."
                )
            offset = pages[place.page].offset
        tif = self.open(place.path)
        if offset == tif.pages.first.offset:  # which tifffile has read already
            return tif.pages.first
        tif.filehandle.seek(offset)
        return tifffile.TiffPage(tif, place.page)


def check_support(files: TiffFiles, page: Any) -> None:
    """Refuse what is sound but cannot be read here."""
    if page.photometric in _UNREADABLE_COLOURS:
        kind = _UNREADABLE_COLOURS[page.photometric]
        raise files.refuse(f"holds {kind}, no grey values. Save it as a grey image in Fiji")
    compression = _name_compression(page.compression)
    is_difference = page.photometric == 6 and page.compression not in _JPEG
    if is_difference or (page.compression == _APERIO_YCBCR and page.samplesperpixel == 3):
        raise files.refuse(
            f"holds colours as brightness and differences (YCbCr, compression {compression}), "
            f"which cannot be read here; {SAVE_AGAIN}"
        )
    if page.compression == _OLD_JPEG:
        raise files.refuse(f"is compressed with old-style JPEG, which cannot be read; {SAVE_AGAIN}")
    if page.dtype is not None and np.dtype(page.dtype).kind == "c":
        raise files.refuse("holds complex numbers. Save their magnitude as an image")
    if page.bitspersample == 24 and page.sampleformat != 3:
        # tifffile takes them for a chain of bits; they stand in the byte order of the file.
        raise files.refuse(f"holds whole numbers of 24 bits, which cannot be read; {SAVE_AGAIN}")
    if 0 in page.shape or not page.shape:
        raise ValueError("its first page has no pixels")
    try:
        page.decode(None, 0)  # without data it only says whether it could
    except Exception as error:
        if page.compression not in tifffile.TIFF.DECOMPRESSORS:
            raise files.refuse(
                f"is compressed with {compression}, which cannot be read here; {SAVE_AGAIN}"
            ) from error
        raise files.refuse(
            f"has pixels of a kind that cannot be read here ({error}); {SAVE_AGAIN}"
        ) from error


def check_planned(n_planned: int, n_there: int) -> None:
    """Refuse a header that speaks of far more planes than there are, before they are listed.

    A run that was stopped early has fewer than were planned.
    """
    if n_planned > max(_MOST_PLANNED, 1000 * n_there):
        raise ValueError(f"it speaks of {n_planned} planes, but has {n_there}")


def check_whole(page: Any) -> None:
    """Refuse a page with pixels that lie behind the end of the file or were never written.

    Some decoders fill what is missing without a word.
    """
    frame, page = page, page.keyframe
    size = frame.parent.filehandle.size
    offsets, counts = frame.dataoffsets, frame.databytecounts
    if page.is_contiguous:
        ends = [offsets[0] + page.nbytes]
    else:
        n = math.prod(page.chunked)
        if len(offsets) < n or len(counts) < n or not all(offsets[:n]) or not all(counts[:n]):
            raise ValueError(
                f"page {frame.index + 1} lacks some of its {n} strips or tiles: they were "
                "never written"
            )
        ends = [start + count for start, count in zip(offsets, counts, strict=False)]
    if max(ends) > size:
        raise ValueError(f"page {frame.index + 1} goes beyond the end of the file: truncated")


def _name_compression(number: int) -> str:
    try:
        return str(tifffile.COMPRESSION(number).name)
    except ValueError:
        return f"method {number}"


@contextmanager
def silence_tifffile() -> Iterator[None]:
    """Keep tifffile from writing to the log what is judged here."""
    logger = logging.getLogger("tifffile")
    was = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = was

"""What every reader of a file format gives: headers without pixels, and one plane on request.

A file holds one or several images (positions); an image has time points, z slices and channels.
"""

import contextlib
import importlib
import math
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError

Array = npt.NDArray[Any]
# Where what is stored in one piece is larger, a whole plane is read once for all its parts.
LARGEST_PIECE_PX = 2**24
# First row, end row, first column, end column in px; ends excluded.
Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of one of its images, without its pixels.

    Parameters
    ----------
    height, width
        Pixels of a plane.
    dtype
        Name of the numpy type of the pixels as `ImageFile.read` gives them.
    n_frames, n_slices, n_channels
        Time points, z slices and channels; a stack whose file does not name its only further
        axis counts as time.
    position
        Name of the position, scene or image in the file; empty where it has none.
    channel_names
        One per channel, or none.
    is_rgb
        Whether a pixel has three colours (and perhaps opacity), so that planes have a third axis.
    pixel_size_um, pixel_height_um
        Micrometres between columns, and between rows; None where the file does not say.
    pixel_size_source
        Which entry of the file says so, for the user to look up: "OME-XML PhysicalSizeX".
    frame_interval_min
        Minutes between time points; None where the file does not say.
    frame_interval_source
        Which entry of the file says so.
    """

    height: int
    width: int
    dtype: str
    n_frames: int = 1
    n_slices: int = 1
    n_channels: int = 1
    position: str = ""
    channel_names: tuple[str, ...] = ()
    is_rgb: bool = False
    pixel_size_um: float | None = None
    pixel_height_um: float | None = None
    pixel_size_source: str = ""
    frame_interval_min: float | None = None
    frame_interval_source: str = ""

    @property
    def n_planes(self) -> int:
        """Planes of all time points, slices and channels."""
        return self.n_frames * self.n_slices * self.n_channels


@dataclass(frozen=True)
class FileHeader:
    """What a file says of itself.

    Parameters
    ----------
    images
        At least one.
    files
        Every file that pixels or header come from, first the one asked for: a multi-file set
        names the others.
    notes
        What is in the file and not among `images` (thumbnails, label pictures), or was doubted
        and taken as unknown; a line each, for the user.
    """

    images: tuple[ImageHeader, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


class ImageFile(ABC):
    """An open file. `header` was read when it was opened; pixels are read on request only."""

    header: FileHeader
    _last: tuple[tuple[int, int, int, int], Array] | None = None

    @abstractmethod
    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        """One plane of the image with this number, all counted from 0.

        Returns
        -------
        (height, width) array of the header's dtype, with a third axis of 3 or 4 colours where
        the header says `is_rgb`.
        """

    def read_window(self, image: int, window: Window, *, frame: int, z: int, channel: int) -> Array:
        """Part of the plane that `read` gives; the window lies within the plane.

        Formats that can read less than a plane do so; of the others the plane is cut, and kept for
        the next part.
        """
        header = self.header.images[image]
        place = image, frame, z, channel
        if self._last is None or self._last[0] != place:
            self._last = None
            plane = self.read(image, frame=frame, z=z, channel=channel)
            if plane.shape[:2] != (header.height, header.width):
                raise ValueError(
                    f"its header says {header.height} rows and {header.width} columns, but the "
                    f"pixels are {plane.shape}"
                )
            self._last = place, plane
        return cut_window(self._last[1], window)

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def check_window(window: Window | None, header: ImageHeader, path: str | os.PathLike[str]) -> None:
    """Refuse a window that is no part of an image.

    Raises
    ------
    InputError
        It is empty or goes beyond the border.
    """
    if window is None:
        return
    row, end_row, column, end_column = window
    if not (0 <= row < end_row <= header.height and 0 <= column < end_column <= header.width):
        raise InputError(
            f"{path}: is {header.width} x {header.height} pixels, rows {row} to {end_row} and "
            f"columns {column} to {end_column} are no part of it."
        )


def move_window(window: Window, rows: int, columns: int) -> Window:
    """The same part, counted from another corner."""
    row, end_row, column, end_column = window
    return row + rows, end_row + rows, column + columns, end_column + columns


def cut_window(plane: Array, window: Window) -> Array:
    """Part of a plane, as an array of its own that does not keep the whole in memory."""
    row, end_row, column, end_column = window
    return plane[row:end_row, column:end_column].copy()


@contextmanager
def explain_damage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what an image library says of a broken file into one line for the user.

    What is sound but not supported is told by an `InputError` of its own, which passes.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{path}: asks for more memory than there is. It is damaged, or too large for this "
            "machine. Open it in Fiji to check its size."
        ) from error
    except PermissionError as error:
        raise InputError(f"{path}: may not be read ({error.strerror}). Ask its owner.") from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path}: cannot be read as an image, it is damaged or not what its name says "
            f"({reason}). Open it in Fiji to check it, and copy or export it again."
        ) from error


def require_library(path: str | os.PathLike[str], module: str, package: str) -> Any:
    """Import the library that reads a format.

    Raises
    ------
    InputError
        It is not installed; the message gives the one command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Another package that the library itself misses is told by its own name.
        missing = str(error.name).partition(".")[0]
        missing = package if missing == module.partition(".")[0] else missing
        raise InputError(
            f"{path}: to read this format the library '{missing}' is needed, which is not "
            f"installed. Give this command: {_name_python()} -m pip install {missing}"
        ) from error


def _name_python() -> str:
    """The Python that runs, as short as a command can name it."""
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        return str(python.relative_to(Path.cwd()))
    return str(python)


# The finest sampling of a super-resolution microscope, and a macroscope with a wide pixel.
_PIXEL_SIZES_UM = (0.005, 100.0)


def check_pixel_size(size_um: float | None, source: str) -> tuple[float | None, str | None]:
    """A pixel size, or None and a note for the user if no microscope can have it.

    Parameters
    ----------
    size_um
        Micrometres; None if the file does not say.
    source
        Which entry of the file says so.
    """
    smallest, largest = _PIXEL_SIZES_UM
    if size_um is None or smallest <= size_um <= largest:
        return size_um, None
    return None, (
        f"pixel size unknown: {source} says {size_um:g} um, which no microscope image has "
        f"({smallest:g} to {largest:g} um)"
    )


def check_frame_interval(
    interval_min: float | None, source: str
) -> tuple[float | None, str | None]:
    """A time between frames, or None and a note for the user if it is no time.

    Parameters
    ----------
    interval_min
        Minutes; None if the file does not say.
    source
        Which entry of the file says so.
    """
    if interval_min is None or (interval_min > 0 and math.isfinite(interval_min)):
        return interval_min, None
    return None, f"frame interval unknown: {source} says {interval_min:g} min"


# Steps that differ from the middle one by more than this are no even spacing.
_EVEN = 0.2


def find_interval(times_min: Sequence[float], source: str) -> tuple[float | None, str | None]:
    """The time between frames of even spacing, or None and a note if they are not evenly spaced.

    Parameters
    ----------
    times_min
        Minutes at which the frames were taken, in their order.
    source
        Which entry of the file says so.
    """
    steps = np.diff(np.asarray(times_min, np.float64))
    if len(steps) == 0 or not np.isfinite(steps).all() or not steps.any():
        return None, None
    if steps.min() <= 0 or np.abs(steps / np.median(steps) - 1).max() > _EVEN:
        return None, (
            f"frame interval unknown: the frames are not evenly spaced, {source} has steps from "
            f"{steps.min():.4g} to {steps.max():.4g} min"
        )
    return float(steps.mean()), None


def count_whole_frames(n_planes: Iterable[int], n_needed: int) -> int:
    """Time points up to the last that has all its planes: a run that was stopped ends early.

    Parameters
    ----------
    n_planes
        Planes that the file has of each time point, in their order.
    n_needed
        Planes of a whole time point.
    """
    whole = [frame for frame, n in enumerate(n_planes) if n >= n_needed]
    return whole[-1] + 1 if whole else 0


_MICROMETRES = {
    "pm": 1e-6, "picometer": 1e-6, "å": 1e-4, "angstrom": 1e-4, "nm": 1e-3, "nanometer": 1e-3,
    "nanometre": 1e-3, "um": 1.0,
    "µm": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0,
    "micrometer": 1.0, "micrometre": 1.0, "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4, "decimeter": 1e5, "m": 1e6, "meter": 1e6,
    "metre": 1e6, "inch": 25400.0,
}  # fmt: skip
_MINUTES = {
    "ns": 1 / 6e10, "nanosecond": 1 / 6e10, "us": 1 / 6e7, "microsecond": 1 / 6e7,
    "µs": 1 / 6e7, "μs": 1 / 6e7, "ms": 1 / 60000, "millisecond": 1 / 60000,
    "s": 1 / 60, "sec": 1 / 60, "second": 1 / 60, "seconds": 1 / 60,
    "min": 1.0, "minute": 1.0, "minutes": 1.0, "h": 60.0, "hour": 60.0, "hours": 60.0, "d": 1440.0,
    "day": 1440.0,
}  # fmt: skip


def convert_length(value: Any, unit: str) -> float | None:
    """A length in micrometres; None where it is missing, not positive, or of an unknown unit."""
    return _convert(value, unit, _MICROMETRES)


def convert_time(value: Any, unit: str) -> float | None:
    """A time in minutes; None where it is missing, not positive, or of an unknown unit."""
    return _convert(value, unit, _MINUTES)


def _convert(value: Any, unit: str, factors: dict[str, float]) -> float | None:
    factor = factors.get(unit.strip().lower())
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if factor is None or not (number > 0 and np.isfinite(number)):
        return None
    return number * factor

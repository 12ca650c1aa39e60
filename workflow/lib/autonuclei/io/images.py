"""Reading microscopy images plane by plane, whatever their format, and the images of a run.

A file is described by its header (`read_header`); pixels are read one plane at a time, so that a
long movie never stands in memory whole. `PlaneReader` keeps the file open from plane to plane.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.files import is_zarr, stamp_files, write_beside
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    Window,
    check_window,
    explain_damage,
)
from autonuclei.io.lazy_planes import ArrayLike, LazyPlane, iterate_bands

logger = logging.getLogger(__name__)

MINIMUM_SIDE_PX = 16

TIFF_SUFFIXES = (
    ".tif", ".tiff", ".btf", ".tf8", ".tf2", ".lsm", ".stk", ".qptiff", ".svs", ".scn",
)  # fmt: skip
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
_COLOURS = ("red", "green", "blue")
_BETWEEN_STAMPS = "-"
_OR_SKIP = "take it out of the sample sheet, or pass such images over with 'skip_unreadable: true'."


def open_image(path: str | os.PathLike[str], *, as_stored: bool = False) -> ImageFile:
    """Open an image file of any format that is supported.

    Parameters
    ----------
    as_stored
        Take the numbers in the file as they are, whatever its colour table shows: for label
        images.

    Raises
    ------
    InputError
        The file is missing, empty, damaged, or of a kind that is not supported.
    """
    # Each format is imported when a file of it is met: a job starts with no import that it does
    # not need.
    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        if not is_zarr(path) and suffix != ".zarr":
            raise InputError(
                f"{path}: is a folder, not an image. For a folder of images add a pattern such "
                "as /*.tif."
            )
        from autonuclei.io.formats.ome_zarr import OmeZarrFile

        return OmeZarrFile(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the path in the sample sheet.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes). Copy it again from its source.")
    if suffix in TIFF_SUFFIXES:
        from autonuclei.io.formats.tiff import TiffImageFile

        return TiffImageFile(path, as_stored=as_stored)
    if suffix in PICTURE_SUFFIXES:
        from autonuclei.io.formats.pictures import PictureFile

        return PictureFile(path, as_stored=as_stored)
    if suffix in (".ozx", ".zip"):
        from autonuclei.io.formats.ome_zarr import OmeZarrFile

        return OmeZarrFile(path)
    if suffix == ".nd2":
        from autonuclei.io.formats.nikon import Nd2File

        return Nd2File(path)
    if suffix in (".lif", ".xlif", ".xlef", ".lof"):
        from autonuclei.io.formats.leica import LeicaFile

        return LeicaFile(path)
    if suffix == ".czi":
        from autonuclei.io.formats.zeiss import CziImageFile

        return CziImageFile(path)
    if suffix in (".oif", ".oib"):
        from autonuclei.io.formats.olympus import OlympusFile

        return OlympusFile(path)
    if suffix in (".dv", ".mrc"):
        from autonuclei.io.formats.deltavision import MrcFile

        return MrcFile(path)
    if suffix in (".vsi", ".ets", ".oir", ".poir"):
        raise InputError(
            f"{path}: this format of Olympus (Evident) cannot be read here. Export it as OME-TIFF "
            "in cellSens or FV31S, or in Fiji (Bio-Formats Exporter)."
        )
    raise InputError(
        f"{path}: files of type '{suffix}' cannot be read. "
        "Save it as TIFF in Fiji (File > Save As > Tiff...)."
    )


def read_file_header(path: str | os.PathLike[str], *, as_stored: bool = False) -> FileHeader:
    """Read what an image file says of itself, all its positions.

    `as_stored` is for label images, as in `open_image`.

    Raises
    ------
    InputError
        As `open_image`.
    """
    with open_image(path, as_stored=as_stored) as file:
        return file.header


def read_header(path: str | os.PathLike[str], position: str | None = None) -> ImageHeader:
    """Read what a file says of one of its images.

    Parameters
    ----------
    position
        Number (from 1) or name; needed when the file has several.

    Raises
    ------
    InputError
        As `open_image`, or the choice of position is missing or does not exist.
    """
    header = read_file_header(path)
    return header.images[find_position(header, path, position)]


def find_position(header: FileHeader, path: str | os.PathLike[str], position: str | None) -> int:
    """Number, from 0, of the image that a position names (a number from 1, or a name).

    Raises
    ------
    InputError
        The choice is missing or does not exist in the file.
    """
    names = [image.position for image in header.images]
    if position is None:
        if len(names) > 1:
            raise InputError(
                f"{path}: holds {len(names)} positions ({_list_names(names)}). Say in the column "
                "'position' which one, by number from 1 or by name, or 'all' for a sample of each."
            )
        return 0
    place = find_place(position, names, len(names))
    if place is not None:
        return place
    raise InputError(
        f"{path}: has no position '{position}', only {len(names)} ({_list_names(names)}). "
        "Correct the column 'position'."
    )


def find_place(wanted: str, names: Sequence[str], n: int) -> int | None:
    """Place, from 0, of a position or channel by its number from 1 or its name; None without.

    A number of one of the `n` goes before a name: some programs name them 0, 1, 2.
    """
    if wanted.isdecimal() and 1 <= int(wanted) <= n:
        return int(wanted) - 1
    return names.index(wanted) if names.count(wanted) == 1 else None


def _list_names(names: Sequence[str], most: int = 8) -> str:
    if not any(names):
        return "without names"
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


class _BrokenPlaneError(InputError):
    """The pixels of one plane are not there or are no numbers."""


class FileKeeper:
    """Keeps an image file open until another one is asked for; to be used with `with`.

    Opening a file costs in proportion to its pages, reading one of them does not.

    Parameters
    ----------
    as_stored
        As of `open_image`.
    """

    def __init__(self, *, as_stored: bool = False) -> None:
        self._as_stored = as_stored
        self._path: Path | None = None
        self._file: ImageFile | None = None

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
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
        self._path = self._file = None

    def open(self, path: Path) -> ImageFile:
        """The file of this path, open."""
        if self._file is None or path != self._path:
            self.close()
            self._file, self._path = open_image(path, as_stored=self._as_stored), path
        return self._file


class _Wanted(NamedTuple):
    """What is to be read of a file: arguments of `read_plane`."""

    frame: int
    channel: str | None
    projection: str | None
    position: str | None
    shape: tuple[int, int] | None
    window: Window | None


class PlaneReader(FileKeeper):
    """Reads planes; the file of the last one stays open for the next.

    To be used with `with`, and called as `read_plane` is.

    Attributes
    ----------
    problem : str
        Why the last plane came as black (`skip_broken`); empty where it did not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.problem = ""
        self._stamp = ""

    def open(self, path: Path) -> ImageFile:
        """The file of this path, open; what stamp it has then is remembered."""
        is_new = path != self._path
        file = super().open(path)
        if is_new:
            self._stamp = stamp_files(file.header.files)
        return file

    def __call__(
        self,
        path: str | os.PathLike[str] | Sequence[str],
        *,
        frame: int = 0,
        channel: str | None = None,
        projection: str | None = None,
        position: str | None = None,
        shape: tuple[int, int] | None = None,
        window: Window | None = None,
        stamp: str | None = None,
        skip_broken: bool = False,
    ) -> Array:
        """Read one plane; parameters, result and errors are those of `read_plane`."""
        names = [path] if isinstance(path, str | os.PathLike) else path
        paths, projection = select_slices([Path(name) for name in names], projection)
        wanted = _Wanted(frame, channel, projection, position, shape, window)
        self.problem = ""
        try:
            plane = self._project(paths, wanted, stamp)
            if skip_broken:
                _check_numbers(plane, self.name(paths[0], frame, projection, position))
        except _BrokenPlaneError as error:
            if not skip_broken:
                raise
            logger.warning("passed over, taken as black: %s", error)
            self.problem = str(error)
            header = self._find_header(paths[0], position)
            dtype = np.float32 if projection == "mean" else header.dtype
            return np.zeros(_find_shape(header, window), dtype)
        return plane

    def defer(self, **plane: Any) -> LazyPlane:
        """The plane that a call with these arguments gives, to be read part by part.

        It can be read as long as the reader is not closed. Of a plane with `skip_broken` the parts
        that cannot be read are black.
        """
        path, window = plane["path"], plane.get("window")
        names = [path] if isinstance(path, str | os.PathLike) else path
        first = Path(names[0])
        header = self._find_header(first, plane.get("position"))
        # The first pixel stands for the check of all that is asked for.
        row, _, column, _ = window or (0, 0, 0, 0)
        dtype = self(**{**plane, "window": (row, row + 1, column, column + 1)}).dtype
        whole = LazyPlane(
            (header.height, header.width), dtype, lambda part: self(**{**plane, "window": part})
        )
        check_window(window, header, first)
        return whole if window is None else whole.cut(window)

    def name(
        self,
        path: str | os.PathLike[str] | Sequence[str],
        frame: int = 0,
        projection: str | None = None,
        position: str | None = None,
        **_: Any,
    ) -> str:
        """What messages call a plane: its file, and the frame where the file has several.

        Parameters
        ----------
        path, frame, projection, position
            As of `read_plane`, whose other arguments may be there too.
        """
        first = Path(path if isinstance(path, str | os.PathLike) else path[0])
        header = self._find_header(first, position)
        return f"frame {frame} of {first}" if count_frames(header, projection) > 1 else str(first)

    def _find_header(self, path: Path, position: str | None) -> ImageHeader:
        header = self.open(path).header
        return header.images[find_position(header, path, position)]

    def _project(self, paths: Sequence[Path], wanted: _Wanted, stamp: str | None) -> Array:
        stamps = [None] * len(paths) if stamp is None else stamp.split(_BETWEEN_STAMPS)
        planes = (
            plane
            for path, own in zip(paths, stamps, strict=True)
            for plane in self._read_slices(path, wanted, own)
        )
        if wanted.projection == "mean":
            return _average(planes)
        total = next(planes)
        for plane in planes:
            if plane.shape != total.shape:
                raise InputError(f"{paths[0]}: its z slices have different sizes.")
            total = np.maximum(total, plane)
        return total

    def _read_slices(self, path: Path, wanted: _Wanted, stamp: str | None) -> Iterator[Array]:
        file = self.open(path)
        if stamp is not None and stamp != self._stamp:
            raise InputError(
                f"{path}: was changed after this run was planned. Give the same command again."
            )
        number = find_position(file.header, path, wanted.position)
        header = file.header.images[number]
        shape, channel, projection = wanted.shape, wanted.channel, wanted.projection
        if shape is not None and (header.height, header.width) != tuple(shape):
            raise InputError(
                f"{path}: is {header.width} x {header.height} pixels, but most frames of this "
                f"movie are {shape[1]} x {shape[0]}. Use kind 'stills' or take it out."
            )
        window = wanted.window
        check_window(window, header, path)
        frame = wanted.frame
        places = list_planes(header, path, frame=frame, channel=channel, projection=projection)
        name = self.name(path, frame, projection, wanted.position)
        for time, z, channel_index in places:
            where = {"frame": time, "z": z, "channel": channel_index}
            try:
                with explain_damage(name):
                    if window is None:
                        plane = file.read(number, **where)
                    else:
                        plane = file.read_window(number, window, **where)
            except InputError as error:
                raise _BrokenPlaneError(str(error)) from error
            if header.is_rgb:
                plane = _take_colour(plane, header, path, channel)
            rows, columns = _find_shape(header, window)
            if plane.shape != (rows, columns):
                raise _BrokenPlaneError(
                    f"{name}: its header says {rows} rows and {columns} columns, "
                    f"but the pixels are {plane.shape}. It is damaged; copy or export it again."
                )
            yield plane


def _find_shape(header: ImageHeader, window: Window | None) -> tuple[int, int]:
    """Rows and columns of what is read of a plane."""
    if window is None:
        return header.height, header.width
    row, end_row, column, end_column = window
    return end_row - row, end_column - column


def select_slices(
    paths: Sequence[Path], projection: str | None
) -> tuple[Sequence[Path], str | None]:
    """Of files with one z slice each those that a projection takes, and what is left to do.

    Raises
    ------
    InputError
        The projection is missing, or is a slice that does not exist.
    """
    if len(paths) == 1 or projection in ("max", "mean"):
        return paths, projection
    if projection is None or not projection.isdecimal() or not 1 <= int(projection) <= len(paths):
        raise InputError(
            f"{paths[0]}: is one of {len(paths)} files with a z slice each. Say in the column "
            "'projection' how to take them: max, mean or the number of one slice."
        )
    return [paths[int(projection) - 1]], None


def join_stamps(stamps: Iterable[str]) -> str:
    """One stamp for a plane that comes from several files, from those of each."""
    return _BETWEEN_STAMPS.join(stamps)


def _average(planes: Iterable[Array]) -> Array:
    total, n = None, 0
    for plane in planes:
        n += 1
        total = plane.astype(np.float64) if total is None else total + plane
    assert total is not None
    return (total / n).astype(np.float32)


def read_plane(
    path: str | os.PathLike[str] | Sequence[str],
    *,
    frame: int = 0,
    channel: str | None = None,
    projection: str | None = None,
    position: str | None = None,
    shape: tuple[int, int] | None = None,
    window: Window | None = None,
    stamp: str | None = None,
    skip_broken: bool = False,
) -> Array:
    """Read the plane of one time point as a grey-value image.

    Parameters
    ----------
    path
        An image file, or several with one z slice each.
    frame
        Time point within the file, from 0.
    channel
        Number (from 1, as Fiji counts) or name; needed when the file has several. Of a colour
        image 1, 2, 3 or red, green, blue; needed where the three differ.
    projection
        ``max`` or ``mean`` over the z slices, the number of one slice (from 1), or ``time``
        when what the file calls slices are time points; needed when there are several.
    position
        Number (from 1) or name; needed when the file has several.
    shape
        Rows and columns that the other frames of the movie have; None takes any.
    window
        First row, end row, first column and end column (ends excluded) of the part to read, in px
        of the stored image; None reads the whole. Files in strips, tiles or chunks, and
        uncompressed ones, are read no further than it needs.
    stamp
        What `files.stamp_files` gave for its files when the run was planned (`join_stamps` where
        there are several paths); None does not check.
    skip_broken
        Give a plane whose pixels cannot be read, or are NaN or infinite, as black, with a warning
        in the log.

    Returns
    -------
    2-D array in the file's own type (float32 for a mean projection).

    Raises
    ------
    InputError
        The file cannot be read, is truncated, was changed, is in colour or of another shape, or
        the choice or the window does not exist in it.
    """
    with PlaneReader() as read:
        return read(
            path,
            frame=frame,
            channel=channel,
            projection=projection,
            position=position,
            shape=shape,
            window=window,
            stamp=stamp,
            skip_broken=skip_broken,
        )


@contextlib.contextmanager
def open_plane(**plane: Any) -> Iterator[LazyPlane]:
    """Open the plane that `read_plane` gives for the same arguments, to read it part by part.

    Raises
    ------
    InputError
        As `read_plane`, now or when a part is read.
    """
    with PlaneReader() as read:
        yield read.defer(**plane)


def count_frames(header: ImageHeader, projection: str | None) -> int:
    """Time points in an image, given how its z slices are to be taken."""
    if projection == "time":
        return header.n_frames * header.n_slices
    return header.n_frames


def list_planes(
    header: ImageHeader,
    path: str | os.PathLike[str],
    *,
    frame: int = 0,
    channel: str | None = None,
    projection: str | None = None,
) -> list[tuple[int, int, int]]:
    """Time point, z slice and channel, from 0, of the planes that make up one time point.

    Raises
    ------
    InputError
        The choice of channel, slice or frame is missing or does not exist in the image.
    """
    channel_index = _find_channel(header, path, channel)
    n_frames = count_frames(header, projection)
    if not 0 <= frame < n_frames:
        raise InputError(
            f"{path}: has no frame {frame}, only 0 to {n_frames - 1}. Was the file replaced? "
            "Run again."
        )
    if projection == "time":
        if header.n_frames > 1:
            raise InputError(
                f"{path}: projection 'time' is for files whose time points are called slices, "
                f"but this one has {header.n_frames} time points. Choose max, mean or a slice."
            )
        return [(0, frame, channel_index)]
    slices: Iterable[int] = [0]
    if header.n_slices > 1:
        if projection is None:
            raise InputError(
                f"{path}: has {header.n_slices} z slices. Say in the column 'projection' how to "
                "take them: max, mean, the number of one slice, or 'time' if they are time points."
            )
        slices = range(header.n_slices)
    if projection is not None and projection not in ("max", "mean"):
        if not 1 <= int(projection) <= header.n_slices:
            raise InputError(
                f"{path}: has no z slice {projection}, only 1 to {header.n_slices}. "
                "Correct the column 'projection'."
            )
        slices = [int(projection) - 1]
    return [(frame, z, channel_index) for z in slices]


def _find_channel(header: ImageHeader, path: str | os.PathLike[str], channel: str | None) -> int:
    if header.is_rgb and header.n_channels == 1:
        if channel is not None:
            _find_colour(path, channel)  # which is taken from the plane
        return 0
    names = _list_names(header.channel_names)
    if channel is None:
        if header.n_channels > 1:
            raise InputError(
                f"{path}: has {header.n_channels} channels ({names}). Say in the column 'channel' "
                "which one shows the nuclei, by number from 1 or by name."
            )
        return 0
    place = find_place(channel, header.channel_names, header.n_channels)
    if place is not None:
        return place
    raise InputError(
        f"{path}: has no channel '{channel}', only {header.n_channels} ({names}). "
        "Correct the column 'channel'."
    )


def _find_colour(path: str | os.PathLike[str], channel: str) -> int:
    if channel.lower() in _COLOURS:
        return _COLOURS.index(channel.lower())
    if channel in ("1", "2", "3"):
        return int(channel) - 1
    raise InputError(
        f"{path}: is a colour image and has no channel '{channel}'. Say in the column 'channel' "
        "red, green or blue (1, 2, 3)."
    )


def _take_colour(image: Array, header: ImageHeader, path: Path, channel: str | None) -> Array:
    """One colour of an RGB image: the one asked for, or any if all three are equal."""
    colours = image[..., :3]
    if channel is not None and header.n_channels == 1:
        return np.ascontiguousarray(colours[..., _find_colour(path, channel)])
    if (colours[..., 0] == colours[..., 1]).all() and (colours[..., 0] == colours[..., 2]).all():
        return np.ascontiguousarray(colours[..., 0])
    raise InputError(
        f"{path}: is a colour image. Say in the column 'channel' which colour shows the nuclei "
        "(red, green or blue), or save a grey image (Fiji: Image > Color > Split Channels)."
    )


_FIELDS = [field.name for kind in (FileHeader, ImageHeader) for field in fields(kind)]


class HeaderCache:
    """Headers remembered on disk, so that each file is opened once and not at every parse.

    A header is read again when the size or the time of one of its files has changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._changed = False
        self._known: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            stored = json.loads(self._path.read_text())
            # What another version of this module read may mean something else.
            if stored["fields"] == _FIELDS:
                self._known = stored["headers"]

    def read(self, path: str | os.PathLike[str], *, as_stored: bool = False) -> FileHeader:
        """As `read_file_header`; problems are not remembered."""
        key = f"{'labels' if as_stored else 'image'} {Path(path).absolute()}"
        known = self._known.get(key)
        with contextlib.suppress(OSError):
            if known is not None and known["stamp"] == stamp_files(known["header"]["files"]):
                return _to_header(known["header"])
        header = read_file_header(path, as_stored=as_stored)
        self._known[key] = {"stamp": stamp_files(header.files), "header": asdict(header)}
        self._changed = True
        return header

    def save(self) -> None:
        """Write the headers down if there are new ones; a read-only folder is no error."""
        if not self._changed:
            return
        try:
            with write_beside(self._path) as partial:
                stored = {"fields": _FIELDS, "headers": self._known}
                partial.write_text(json.dumps(stored))
        except (OSError, InputError):
            return
        self._changed = False


def _to_header(stored: Mapping[str, Any]) -> FileHeader:
    images = tuple(
        ImageHeader(**{**image, "channel_names": tuple(image["channel_names"])})
        for image in stored["images"]
    )
    return FileHeader(images, tuple(stored["files"]), tuple(stored["notes"]))


def digest_plane(image: ArrayLike) -> str:
    """SHA-256 of the pixels of a plane: bytes row by row, the least significant one first."""
    digest = hashlib.sha256()
    for band in iterate_bands(image):
        digest.update(np.ascontiguousarray(band, band.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def check_pixels(image: ArrayLike, name: str | os.PathLike[str]) -> None:
    """Refuse pixels in which no nucleus can be measured.

    Parameters
    ----------
    image : (height, width)
    name
        What the message calls the image: `PlaneReader.name`.

    Raises
    ------
    InputError
        NaN or infinite pixels, all pixels equal, fewer than 16 px on a side, or a label image
        (flat areas on zero) in the place of a fluorescence image.
    """
    if min(image.shape) < MINIMUM_SIDE_PX:
        raise InputError(
            f"{name}: is {image.shape[1]} x {image.shape[0]} pixels, at least "
            f"{MINIMUM_SIDE_PX} x {MINIMUM_SIDE_PX} are needed. Take it out of the sample sheet."
        )
    _check_numbers(image, name)
    smallest, largest = find_range(image)
    if smallest == largest:
        raise InputError(
            f"{name}: all pixels have the value {smallest}. Check the channel and the "
            f"export, {_OR_SKIP}"
        )
    if image.dtype.kind in "uib" and is_label_image(image):
        raise InputError(
            f"{name}: looks like a label image or mask (flat areas on zero), not like "
            "fluorescence. Give the raw image in the column 'images'."
        )


def find_range(image: ArrayLike) -> tuple[Any, Any]:
    """The smallest and the largest value of an image."""
    bounds = [(band.min(), band.max()) for band in iterate_bands(image)]
    return min(low for low, _ in bounds), max(high for _, high in bounds)


def _check_numbers(image: ArrayLike, name: str | os.PathLike[str]) -> None:
    if image.dtype.kind != "f":
        return
    count = sum(int((~np.isfinite(band)).sum()) for band in iterate_bands(image))
    if count:
        raise _BrokenPlaneError(
            f"{name}: has {count} pixels that are NaN or infinite. Replace them (Fiji: "
            f"Process > Noise > Remove NaNs...) and save it again, {_OR_SKIP}"
        )


def is_label_image(image: ArrayLike) -> bool:
    """Whether an image is flat areas on zero, as masks and label images are.

    Neighbouring pixels above zero are nearly all equal, and most pixels have a neighbour of
    their kind, above zero and at zero; the zeros and ones of a dark camera image have not.
    """
    if find_range(image)[0] != 0:
        return False
    n_pairs = n_above = n_zero = n_equal = 0
    for band in iterate_bands(image):
        left, right = band[:, :-1], band[:, 1:]
        above = (left > 0) & (right > 0)
        n_pairs += left.size
        n_above += int(above.sum())
        n_zero += int(((left == 0) & (right == 0)).sum())
        n_equal += int((above & (left == right)).sum())
    n_edge = n_pairs - n_above - n_zero
    return n_above > 0 and n_equal >= 0.98 * n_above and min(n_above, n_zero) > n_edge


def write_image(path: str | os.PathLike[str], image: Array) -> None:
    """Write a 2-D image as a zstd-compressed TIFF, for the workflow's own use."""
    import tifffile

    with write_beside(path) as partial:
        tifffile.imwrite(
            partial,
            image,
            photometric="minisblack",
            compression="zstd",
            compressionargs={"level": 1},
            metadata={"axes": "YX"},
        )


def read_image(path: str | os.PathLike[str]) -> Array:
    """Read a 2-D image that the workflow itself wrote."""
    import tifffile

    with explain_damage(path):
        return np.asarray(tifffile.imread(path))


def read_movie_page(
    read: PlaneReader, planes: Mapping[int, Mapping[str, Any]], frame: int, shape: tuple[int, int]
) -> Array:
    """One raw frame of a movie; black where the sequence misses it.

    `planes` has the arguments of `read` for each frame that is there.
    """
    if frame in planes:
        return read(**planes[frame])
    return np.zeros(shape, read(**next(iter(planes.values()))).dtype)

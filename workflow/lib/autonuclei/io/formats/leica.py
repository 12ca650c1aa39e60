"""LIF, LOF, XLIF and XLEF files of Leica LAS X, read by the library liffile."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    Window,
    check_pixel_size,
    convert_length,
    convert_time,
    cut_window,
    explain_damage,
    find_interval,
    require_library,
)

_DIMENSIONS = {1: "X", 2: "Y", 3: "Z", 4: "T", 10: "M"}
_OTHERS = {
    5: "emission wavelengths",
    6: "rotations",
    7: "slices of lines",
    8: "slices of time",
    9: "excitation wavelengths",
    11: "rounds of a loop",
}
_RED_GREEN_BLUE = (1, 2, 3)  # how the file marks the channels of a colour camera


@dataclass(frozen=True)
class _Axis:
    """Length of an axis, bytes from one element to the next, and what the file says of it."""

    n: int
    step: int
    length: str
    unit: str


@dataclass(frozen=True)
class _Channel:
    dtype: np.dtype[Any]
    offset: int
    colour: int
    name: str


@dataclass(frozen=True)
class _Image:
    """One image of the file, and where its pixels lie.

    `offset` counts in the open file `source`; None where the pixels lie in other files, which the
    library finds.
    """

    image: Any
    axes: dict[str, _Axis]
    channels: tuple[_Channel, ...]
    source: Any
    offset: int | None
    is_rgb: bool
    dtype: np.dtype[Any]

    def count(self, axis: str) -> int:
        return self.axes[axis].n if axis in self.axes else 1


class LeicaFile(ImageFile):
    """A Leica file; its images are positions, and so is each tile of a mosaic.

    Raises
    ------
    InputError
        The file is damaged, names files that are missing, or holds no image that has a place here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        self._others: list[Any] = []
        library = require_library(path, "liffile", "liffile")
        try:
            with explain_damage(path):
                try:
                    self._file = library.LifFile(str(path))
                    self._describe(library)
                except FileNotFoundError as error:
                    raise InputError(
                        f"{path}: names another file that is missing ({error}). Copy the folder "
                        "whole from its source."
                    ) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for other in self._others:
            other.close()
        if self._file is not None:
            # It closes the files that it names, and stumbles over those that are missing.
            with contextlib.suppress(OSError):
                self._file.close()

    def _describe(self, library: Any) -> None:
        notes: list[str] = []
        files = [str(self._path)]
        self._places: list[tuple[_Image, int]] = []
        images: list[ImageHeader] = []
        for image in _list_images(library, self._file):
            found = self._read_image(library, image, files, notes)
            if found is None:
                continue
            header = _describe_image(found, notes)
            n_tiles = found.count("M")
            if n_tiles > 1:
                notes.append(
                    f"{image.path}: its {n_tiles} tiles are positions of their own, which may "
                    "overlap; for one large image merge them in LAS X"
                )
            for tile in range(n_tiles):
                name = f"{image.path} tile {tile + 1}" if n_tiles > 1 else image.path
                images.append(replace(header, position=name))
                self._places.append((found, tile))
        if not images:
            raise InputError(
                f"{self._path}: holds no image that can be read ({'; '.join(notes) or 'none'}). "
                "Export the one with the nuclei as TIFF in LAS X."
            )
        self.header = FileHeader(
            tuple(images), tuple(dict.fromkeys(files)), tuple(dict.fromkeys(notes))
        )

    def _read_image(
        self, library: Any, image: Any, files: list[str], notes: list[str]
    ) -> _Image | None:
        """Where the pixels of an image lie; None, with a note, if it has no place here."""
        description = image.xml_element.find("./Data/Image/ImageDescription")
        axes, others = _read_axes(description)
        channels = _read_channels(image.xml_element, description)
        reason = ""
        if others:
            reason = f"it has {' and '.join(others)}"
        elif not {"X", "Y"} <= axes.keys() or not channels:
            reason = "it is a line, a profile or a scan through the depth, not an image"
        if reason:
            notes.append(f"{image.path}: left out, {reason}")
            return None
        block = image.memory_block
        parent = image.parent
        files.append(str(Path(parent.filepath)))
        source, offset, size = parent.filehandle, block.offset, block.size
        if block.frames:
            named = [Path(parent.dirname) / one.file for one in block.frames]
            files += map(str, named)
            source, offset = None, None
            if len(named) == 1 and named[0].suffix.lower() == ".lof":
                other = library.LifFile(str(named[0]))
                self._others.append(other)
                block = other.images[0].memory_block
                source, offset, size = other.filehandle, block.offset, block.size
            for one in named:
                if not one.is_file():
                    raise FileNotFoundError(one.name)
        colours = tuple(sorted(channel.colour for channel in channels))
        found = _Image(
            image=image,
            axes=axes,
            channels=channels,
            source=source,
            offset=offset,
            is_rgb=colours == _RED_GREEN_BLUE,
            dtype=_widen(np.result_type(*(channel.dtype for channel in channels))),
        )
        if offset is not None:
            needed = _find_end(found)
            available = min(size, source.seek(0, 2) - offset)
            if needed > available:
                notes.append(
                    f"{image.path}: left out, the file holds {max(0, available)} bytes of its "
                    f"pixels, {needed} are needed: it is cut off, or the acquisition was stopped"
                )
                return None
        return found

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        header = self.header.images[image]
        whole = (0, header.height, 0, header.width)
        return self.read_window(image, whole, frame=frame, z=z, channel=channel)

    def read_window(self, image: int, window: Window, *, frame: int, z: int, channel: int) -> Array:
        found, tile = self._places[image]
        index = {"T": frame, "Z": z, "M": tile}
        if found.offset is None:
            plane = self._read_elsewhere(found, index, channel).astype(found.dtype)
            return cut_window(plane, window)
        if found.is_rgb:
            by_colour = sorted(range(3), key=lambda i: found.channels[i].colour)
            planes = [self._read_here(found, found.offset, index, i, window) for i in by_colour]
            return np.stack(planes, axis=-1).astype(found.dtype)
        return self._read_here(found, found.offset, index, channel, window).astype(found.dtype)

    def _read_here(
        self, found: _Image, offset: int, index: dict[str, int], channel: int, window: Window
    ) -> Array:
        """Part of a plane whose pixels lie in this file."""
        row, end_row, column, end_column = window
        height, width = found.axes["Y"].step, found.axes["X"].step
        one = found.channels[channel]
        start = offset + one.offset + row * height + column * width
        start += sum(found.axes[axis].step * i for axis, i in index.items() if axis in found.axes)
        shape = end_row - row, end_column - column
        n_bytes = (shape[0] - 1) * height + (shape[1] - 1) * width + one.dtype.itemsize
        found.source.seek(start)
        data = found.source.read(n_bytes)
        if len(data) < n_bytes:
            raise ValueError(f"{len(data)} bytes instead of {n_bytes}")
        return np.ndarray(shape, one.dtype, data, 0, (height, width))

    def _read_elsewhere(self, found: _Image, index: dict[str, int], channel: int) -> Array:
        """A plane whose pixels lie in TIFF or other files beside this one."""
        sizes = found.image.sizes
        chosen = {axis: i for axis, i in index.items() if axis in sizes}
        if "C" in sizes:
            chosen["C"] = channel
        plane = np.asarray(found.image.frame(**chosen))
        shape: tuple[int, ...] = (found.axes["Y"].n, found.axes["X"].n)
        if found.is_rgb:
            shape = (*shape, 3)
        if plane.shape != shape:
            raise InputError(
                f"{self._path}: the files beside it hold {plane.shape} pixels for a plane of "
                f"{shape}. Export the image as TIFF in LAS X."
            )
        return plane


def _list_images(library: Any, file: Any, folder: str = "") -> Iterator[Any]:
    """All images of a file and of those that it names, with their path among the folders.

    The library's own list leaves out images of the same name, and some in folders of folders.
    """
    for child in file.children:
        inner = f"{folder}{child.name}/" if child.type.name == "XLCF" else folder
        yield from _list_images(library, child, inner)
    if file.type.name not in ("XLEF", "XLCF"):
        for root in file.xml_element.iterfind("./Element"):
            for path, element in _walk(root, ""):
                yield library.LifImage(file, element, folder + (path or file.name))


def _walk(element: Element, path: str) -> Iterator[tuple[str, Element]]:
    if element.find("./Data/Image") is not None:
        yield path, element
    for child in element.iterfind("./Children/Element"):
        name = child.get("Name", "")
        yield from _walk(child, f"{path}/{name}" if path else name)


def _describe_image(found: _Image, notes: list[str]) -> ImageHeader:
    path = found.image.path
    sizes = []
    for axis in ("X", "Y"):
        length = convert_length(found.axes[axis].length, found.axes[axis].unit)
        steps = found.axes[axis].n - 1
        size, note = check_pixel_size(length / steps if length and steps else None, "LIF Length")
        notes += [f"{path}: {note}"] if note else []
        sizes.append(size)
    interval, source, note = _read_interval(found)
    notes += [f"{path}: {note}"] if note else []
    names = tuple(channel.name for channel in found.channels)
    return ImageHeader(
        height=found.axes["Y"].n,
        width=found.axes["X"].n,
        dtype=found.dtype.name,
        n_frames=found.count("T"),
        n_slices=found.count("Z"),
        n_channels=1 if found.is_rgb else len(found.channels),
        channel_names=names if all(names) and not found.is_rgb else (),
        is_rgb=found.is_rgb,
        pixel_size_um=sizes[0],
        pixel_height_um=sizes[1],
        pixel_size_source="LIF DimensionDescription Length" if sizes[0] else "",
        frame_interval_min=interval,
        frame_interval_source=source,
    )


def _read_interval(found: _Image) -> tuple[float | None, str, str | None]:
    """Minutes between time points, where they come from, and a note."""
    n_frames = found.count("T")
    if n_frames < 2:
        return None, "", None
    stamps = found.image.timestamps
    source = "LIF time stamps"
    # One stamp for each plane, those of a time point together.
    is_regular = found.count("M") == 1 and stamps is not None and len(stamps) % n_frames == 0
    if is_regular and len(stamps):
        first = stamps[:: len(stamps) // n_frames]
        minutes = (first - first[0]).astype(np.float64) / 60000
        interval, note = find_interval(minutes.tolist(), source)
        if interval is not None or note is not None:
            return interval, source if interval else "", note
    axis = found.axes["T"]
    length = convert_time(axis.length, axis.unit)
    if length is None:
        return None, "", None
    return length / (n_frames - 1), "LIF DimensionDescription Length", None


def _read_axes(description: Element) -> tuple[dict[str, _Axis], list[str]]:
    """Axes by letter, and in words those of more than one element that have no place here."""
    axes: dict[str, _Axis] = {}
    others = []
    for one in description.iterfind("./Dimensions/DimensionDescription"):
        number, n = int(one.attrib["DimID"]), int(one.attrib["NumberOfElements"])
        letter = _DIMENSIONS.get(number)
        if letter is None or letter in axes:
            if n > 1:
                others.append(f"{n} {_OTHERS.get(number, f'elements of axis {number}')}")
            continue
        axes[letter] = _Axis(
            n, int(one.attrib["BytesInc"]), one.get("Length", ""), one.get("Unit", "")
        )
    return axes, others


def _read_channels(element: Element, description: Element) -> tuple[_Channel, ...]:
    channels = []
    for one in description.iterfind("./Channels/ChannelDescription"):
        bits = int(one.attrib["Resolution"])
        n_bytes = next(size for size in (1, 2, 4, 8) if bits <= 8 * size)
        kind = "f" if one.get("DataType") == "1" else "u"
        dye = next(
            (
                pair.findtext("Value") or ""
                for pair in one.iterfind("./ChannelProperty")
                if pair.findtext("Key") == "DyeName"
            ),
            "",
        )
        channels.append(
            _Channel(
                np.dtype(f"<{kind}{n_bytes}"),
                int(one.attrib["BytesInc"]),
                int(one.get("ChannelTag", "0")),
                dye or one.get("LUTName", ""),
            )
        )
    return tuple(sorted(channels, key=lambda channel: channel.offset))


def _widen(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Half precision is known to few libraries."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


def _find_end(found: _Image) -> int:
    """Bytes from the first pixel to the end of the last."""
    last = sum((axis.n - 1) * axis.step for axis in found.axes.values())
    return last + max(channel.offset + channel.dtype.itemsize for channel in found.channels)

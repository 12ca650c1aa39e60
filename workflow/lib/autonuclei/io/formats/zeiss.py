"""CZI files of Zeiss ZEN, read by the library pylibCZIrw (an extra: see the README)."""

import os
import struct
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    Window,
    check_frame_interval,
    check_pixel_size,
    convert_length,
    convert_time,
    count_whole_frames,
    explain_damage,
    find_interval,
    require_library,
)

# Type and colours of a pixel.
_PIXELS = {
    "Gray8": ("uint8", 1),
    "Gray16": ("uint16", 1),
    "Gray32Float": ("float32", 1),
    "Bgr24": ("uint8", 3),
    "Bgr48": ("uint16", 3),
}
_COMPRESSIONS = {"UnCompressed", "JpgXr", "Zstd0", "Zstd1"}
_OTHER_AXES = {"V": "views", "H": "phases", "I": "illuminations", "R": "rotations", "B": "blocks"}
_COLOURS = ("blue", "green", "red")  # in the order in which the library gives them


class _Scene:
    """Which tiles a scene has, by the directory of the file."""

    def __init__(self) -> None:
        self.planes: dict[tuple[int, int, int], list[Any]] = defaultdict(list)

    def add(self, place: dict[str, int], box: tuple[int, int, int, int]) -> None:
        self.planes[place.get("T", 0), place.get("Z", 0), place.get("C", 0)].append(box)

    def list_values(self, axis: int) -> list[int]:
        return sorted({plane[axis] for plane in self.planes})

    def find_bounds(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of all tiles."""
        boxes = np.array([box for boxes in self.planes.values() for box in boxes])
        left, top = boxes[:, :2].min(axis=0)
        right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
        return int(left), int(top), int(right - left), int(bottom - top)

    def is_covered(self, bounds: tuple[int, int, int, int]) -> bool:
        """Whether the tiles of the first plane fill the scene, but for gaps of a thousandth."""
        left, top, width, height = bounds
        step = max(1, width // 1000, height // 1000)
        covered = np.zeros((-(-height // step), -(-width // step)), bool)
        for x, y, w, h in self.planes[min(self.planes)]:
            rows = slice((y - top) // step, -(-(y - top + h) // step))
            covered[rows, (x - left) // step : -(-(x - left + w) // step)] = True
        return bool(covered.all())


class CziImageFile(ImageFile):
    """A CZI file; its scenes are images, and the tiles of a scene are put together.

    Raises
    ------
    InputError
        The library is not installed, the file is damaged, or it has views, phases, illuminations,
        rotations or kinds of pixels that have no place here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        library = require_library(path, "pylibCZIrw.czi", "pylibCZIrw")
        try:
            with explain_damage(path):
                self._file = library.CziReader(str(path))
                self._describe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _describe(self) -> None:
        notes: list[str] = []
        scenes, pixel_types = self._list_tiles(notes)
        self._channels = sorted(pixel_types)
        dtype, self._components, is_rgb = self._find_type(pixel_types)
        text = self._file.raw_metadata
        metadata = ElementTree.fromstring(text).find("./Metadata") if text else None
        names = _read_channel_names(metadata, self._channels, self._components)
        width_um, note_x = _read_pixel_size(metadata, "X")
        height_um, note_y = _read_pixel_size(metadata, "Y")
        notes += [note for note in (note_x, note_y) if note]
        scene_names = _read_scene_names(metadata)
        times = [time / 60 for time in _read_times(self._path)]
        images = []
        self._scenes = []
        for number, scene in sorted(scenes.items()):
            bounds = scene.find_bounds()
            name = scene_names.get(number, "") or (f"Scene {number + 1}" if len(scenes) > 1 else "")
            label = f"{name}: " if name else ""
            frames, slices = scene.list_values(0), scene.list_values(1)
            counts = Counter(plane[0] for plane in scene.planes)
            n_frames = count_whole_frames(
                (counts[t] for t in frames), len(slices) * len(self._channels)
            )
            if 0 < n_frames < len(frames):
                notes.append(
                    f"{label}only {n_frames} of {len(frames)} time points are whole: "
                    "the acquisition was stopped"
                )
            elif n_frames == 0:
                n_frames = len(frames)
                notes.append(f"{label}not all z slices are there for all channels")
            n_tiles = [len(tiles) for tiles in scene.planes.values()]
            n_whole = max(n_tiles)
            n_partial = sum(n < n_whole for n in n_tiles)
            if n_partial:
                notes.append(
                    f"{label}{n_partial} of {len(n_tiles)} planes have fewer tiles than the "
                    "others, what is missing is black (value 0)"
                )
            if not scene.is_covered(bounds):
                notes.append(f"{label}its tiles leave gaps, which are black (value 0) in the image")
            interval, source, note = _read_interval(metadata, times, n_frames)
            notes += [note] if note else []
            self._scenes.append((number, scene, bounds, frames, slices))
            images.append(
                ImageHeader(
                    height=bounds[3],
                    width=bounds[2],
                    dtype=dtype,
                    n_frames=n_frames,
                    n_slices=len(slices),
                    n_channels=1 if is_rgb else len(self._components),
                    position=name,
                    channel_names=() if is_rgb else tuple(names),
                    is_rgb=is_rgb,
                    pixel_size_um=width_um,
                    pixel_height_um=height_um,
                    pixel_size_source="CZI metadata Scaling" if width_um else "",
                    frame_interval_min=interval,
                    frame_interval_source=source,
                )
            )
        self.header = FileHeader(tuple(images), (str(self._path),), tuple(dict.fromkeys(notes)))

    def _list_tiles(self, notes: list[str]) -> tuple[dict[int, _Scene], dict[int, str]]:
        """Scenes by number, and the type of pixels of each channel, from the directory."""
        scenes: dict[int, _Scene] = defaultdict(_Scene)
        pixel_types: dict[int, str] = {}
        others: dict[str, set[int]] = defaultdict(set)
        compressions: set[str] = set()

        def add(number: int, tile: Any) -> bool:
            box = tile.logicalRect
            if (tile.physicalSize.w, tile.physicalSize.h) != (box.w, box.h):
                return True  # a smaller copy, for viewing
            compressions.add(tile.get_compression_mode().name)
            place = tile.coordinate.to_dict()
            for axis in _OTHER_AXES.keys() & place.keys():
                others[axis].add(place[axis])
            scenes[place.get("S", -1)].add(place, (box.x, box.y, box.w, box.h))
            pixel_types[place.get("C", 0)] = tile.pixelType.name
            return True

        self._file.enumerate_subblocks(add)
        if not scenes:
            raise InputError(
                f"{self._path}: holds no image, only metadata or a preview. "
                "Take it out of the sample sheet."
            )
        if compressions - _COMPRESSIONS:
            unknown = ", ".join(sorted(compressions - _COMPRESSIONS))
            raise InputError(
                f"{self._path}: its pixels are compressed in a way that cannot be read here "
                f"({unknown}). Save it without compression in ZEN."
            )
        for axis, values in others.items():
            if len(values) > 1:
                raise InputError(
                    f"{self._path}: has {len(values)} {_OTHER_AXES[axis]} (axis {axis}), which "
                    "must be processed first. Process it in ZEN, or save the one with the "
                    "nuclei as a file of its own."
                )
        if -1 in scenes and len(scenes) > 1:
            del scenes[-1]
            notes.append("tiles that belong to no scene are left out")
        return dict(scenes), pixel_types

    def _find_type(
        self, pixel_types: dict[int, str]
    ) -> tuple[str, list[tuple[int, int | None]], bool]:
        """Type of all pixels; channel and colour of each component; whether it is in colour."""
        unknown = set(pixel_types.values()) - _PIXELS.keys()
        if unknown:
            raise InputError(
                f"{self._path}: has pixels of type {', '.join(sorted(unknown))}, which cannot be "
                "read here. Export it as 8 or 16 bit in ZEN."
            )
        dtype = np.result_type(*(_PIXELS[one][0] for one in pixel_types.values())).name
        components: list[tuple[int, int | None]] = []
        for channel, kind in sorted(pixel_types.items()):
            n_colours = _PIXELS[kind][1]
            components += [(channel, i if n_colours > 1 else None) for i in range(n_colours)]
        is_rgb = len(pixel_types) == 1 and len(components) == 3
        return dtype, components, is_rgb

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        header = self.header.images[image]
        whole = (0, header.height, 0, header.width)
        return self.read_window(image, whole, frame=frame, z=z, channel=channel)

    def read_window(self, image: int, window: Window, *, frame: int, z: int, channel: int) -> Array:
        """Part of a plane, from the tiles that it lies in."""
        number, scene, bounds, frames, slices = self._scenes[image]
        row, end_row, column, end_column = window
        header = self.header.images[image]
        index, colour = self._components[channel]
        if (frames[frame], slices[z], index) not in scene.planes:
            raise InputError(
                f"{self._path}: frame {frame}, z slice {z + 1}, channel {channel + 1} is not in "
                "the file, it was not recorded. Take the frame out, or choose another slice in "
                "the column 'projection'."
            )
        pixels = self._file.read(
            roi=(bounds[0] + column, bounds[1] + row, end_column - column, end_row - row),
            plane={"T": frames[frame], "Z": slices[z], "C": index},
            scene=None if number < 0 else number,
            zoom=1.0,
        )
        plane = pixels[..., ::-1] if header.is_rgb else pixels[..., colour or 0]
        return np.array(plane, dtype=header.dtype)


def _find_text(element: Any, path: str) -> str:
    return "" if element is None else (element.findtext(path) or "").strip()


def _read_channel_names(
    metadata: Any, channels: Sequence[int], components: Sequence[tuple[int, int | None]]
) -> list[str]:
    if metadata is None:
        return []
    shown = {
        one.get("Id"): one.get("Name") or _find_text(one, "ShortName")
        for one in metadata.iterfind("./DisplaySetting/Channels/Channel")
    }
    names = {
        number: one.get("Name") or shown.get(one.get("Id")) or _find_text(one, "Fluor")
        for number, one in enumerate(
            metadata.iterfind("./Information/Image/Dimensions/Channels/Channel")
        )
    }
    if not all(names.get(channel) for channel in channels):
        return []
    return [
        str(names[channel]) if colour is None else f"{names[channel]} {_COLOURS[colour]}"
        for channel, colour in components
    ]


def _read_scene_names(metadata: Any) -> dict[int, str]:
    if metadata is None:
        return {}
    names = {}
    for order, scene in enumerate(
        metadata.iterfind("./Information/Image/Dimensions/S/Scenes/Scene")
    ):
        well = _find_text(scene, "ArrayName") or (scene.find("Shape") or {}).get("Name", "")
        name = str(scene.get("Name") or "")
        parts = [part for part in (well, name) if part]
        names[int(scene.get("Index") or order)] = " ".join(dict.fromkeys(parts))
    return names


def _read_pixel_size(metadata: Any, axis: str) -> tuple[float | None, str | None]:
    text = _find_text(metadata, f"./Scaling/Items/Distance[@Id='{axis}']/Value")
    size = convert_length(text, "m")  # whatever unit ZEN shows it in
    return check_pixel_size(size, "CZI metadata Scaling")


def _read_interval(
    metadata: Any, times_min: Sequence[float], n_frames: int
) -> tuple[float | None, str, str | None]:
    """Minutes between frames, where they come from, and a note."""
    if n_frames < 2:
        return None, "", None
    if len(times_min) >= n_frames:
        source = "CZI time stamps"
        interval, note = find_interval(times_min[:n_frames], source)
        if interval is not None or note is not None:
            return interval, source if interval else "", note
    source = "CZI metadata T Interval Increment"
    path = "./Information/Image/Dimensions/T/Positions/Interval/Increment"
    interval, note = check_frame_interval(convert_time(_find_text(metadata, path), "s"), source)
    return interval, source if interval else "", note


def _read_times(path: Path) -> list[float]:
    """Seconds at which the frames were taken, of the attachment TimeStamps if there is one.

    The library does not read attachments. Layout: ZEISS CZI file format, design specification:
    a segment has a header of 32 bytes; the directory of attachments lists name and place of each.
    """
    with path.open("rb") as file:
        file.seek(104)
        (start,) = struct.unpack("<q", file.read(8))
        if not 0 < start < os.fstat(file.fileno()).st_size:
            return []
        file.seek(start + 32)
        (n_entries,) = struct.unpack("<i", file.read(4))
        file.seek(start + 32 + 256)
        directory = file.read(128 * max(0, min(n_entries, 10_000)))
        for at in range(0, len(directory) - 127, 128):
            entry = directory[at : at + 128]
            if entry[40:48].rstrip(b"\0") != b"CZTIMS":
                continue
            (place,) = struct.unpack("<q", entry[12:20])
            file.seek(place + 32 + 256)
            head = file.read(8)
            if len(head) < 8:
                return []
            (n,) = struct.unpack("<i", head[4:])
            data = file.read(8 * max(0, n))
            return [float(one) for one in np.frombuffer(data[: len(data) // 8 * 8], "<f8")]
    return []

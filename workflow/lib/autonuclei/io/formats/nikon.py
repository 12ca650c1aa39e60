"""ND2 files of Nikon NIS-Elements, read by the library nd2."""

import itertools
import math
import os
import re
import struct
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    check_frame_interval,
    check_pixel_size,
    count_whole_frames,
    explain_damage,
    find_interval,
    require_library,
)

_AXES = {"TimeLoop": "T", "NETimeLoop": "T", "XYPosLoop": "P", "ZStackLoop": "Z"}
_SOURCE = "ND2 metadata voxelSize"
# How a block of the file begins: a mark, and the length of its name; pixels lie behind the name
# and a time stamp.
_BLOCK = struct.pack("<II", 0x0ABECEDA, 4072)
_BLOCK_HEADER = 4096


class Nd2File(ImageFile):
    """An ND2 file; its stage positions are images.

    Raises
    ------
    InputError
        The file is damaged, its loops cannot be placed in time, z and position, or its pixels
        are compressed in a way that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        library = require_library(path, "nd2", "nd2")
        try:
            # The library warns of entries that it leaves out; none of them is used here.
            with explain_damage(path), warnings.catch_warnings(action="ignore"):
                self._file = library.ND2File(path)
                self._describe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _describe(self) -> None:
        file = self._file
        attributes = file.attributes
        self._check_compression(attributes)
        self._loops = self._list_loops()
        self._offsets = {} if file.is_legacy else _find_planes(self._path)
        n_stored = attributes.sequenceCount if file.is_legacy else len(self._offsets)
        counts = [n for _, n in self._loops]
        if n_stored > math.prod(counts):
            described = " x ".join(f"{axis}({n})" for axis, n in self._loops) or "one"
            raise InputError(
                f"{self._path}: holds {n_stored} planes, but describes {described}, so they "
                "cannot be placed in time, z and position. Export it as TIFF in NIS-Elements."
            )
        self._stored = set(range(n_stored)) if file.is_legacy else set(self._offsets)

        notes: list[str] = []
        channels = self._read_channels(notes)
        components = [getattr(one.volume, "componentCount", None) or 1 for one in channels]
        n_components = attributes.componentCount
        if sum(components) != n_components:
            components = [n_components // (attributes.channelCount or 1)] * (
                attributes.channelCount or 1
            )
        names = [str(one.channel.name or "") for one in channels]
        self._is_rgb = components in ([3], [4])
        if self._is_rgb:
            names, n_channels = [], 1
        else:
            names, n_channels = _name_components(names, components), n_components
        bits = attributes.bitsPerComponentInMemory
        kind = "float" if attributes.pixelDataType == "float" else "uint"
        sizes = dict(self._loops)
        width_um, height_um = self._read_pixel_size(channels, notes)
        self._places: list[int] = []
        images = []
        for place, name in enumerate(self._name_positions(sizes.get("P", 1))):
            n_frames = self._count_frames(place, sizes)
            planned = sizes.get("T", 1)
            if n_frames < planned:
                kept = f"only {n_frames} of {planned} time points are in the file"
                label = f"position {name or place + 1}: " if "P" in sizes else ""
                notes.append(f"{label}{kept}: the acquisition was stopped")
            if n_frames == 0:
                continue
            interval, source = self._read_interval(n_frames, place, notes)
            self._places.append(place)
            images.append(
                ImageHeader(
                    height=attributes.heightPx,
                    width=attributes.widthPx,
                    dtype=f"{kind}{-(-bits // 8) * 8}",
                    n_frames=n_frames,
                    n_slices=sizes.get("Z", 1),
                    n_channels=n_channels,
                    position=name,
                    channel_names=tuple(names),
                    is_rgb=self._is_rgb,
                    pixel_size_um=width_um,
                    pixel_height_um=height_um,
                    pixel_size_source=_SOURCE if width_um else "",
                    frame_interval_min=interval,
                    frame_interval_source=source,
                )
            )
        if not images:
            raise InputError(
                f"{self._path}: holds no whole time point, the acquisition was stopped. "
                "Take it out of the sample sheet."
            )
        self.header = FileHeader(tuple(images), (str(self._path),), tuple(dict.fromkeys(notes)))

    def _check_compression(self, attributes: Any) -> None:
        if attributes.compressionType == "lossy" and not self._file.is_legacy:
            raise InputError(
                f"{self._path}: its pixels are compressed with loss, which cannot be read here. "
                "Export it as TIFF in NIS-Elements."
            )

    def _list_loops(self) -> list[tuple[str, int]]:
        """Axis and length of the loops in which the planes lie, outermost first."""
        try:
            experiment = self._file.experiment
        except NotImplementedError as error:
            raise InputError(
                f"{self._path}: has a kind of loop that cannot be placed in time, z and "
                "position. Export it as TIFF in NIS-Elements."
            ) from error
        loops: list[tuple[str, int]] = []
        for loop in experiment:
            axis = _AXES.get(loop.type)
            if loop.count <= 1:
                continue
            if axis is None or axis in dict(loops):
                kind = "a loop of its own kind" if axis is None else f"two loops over {axis}"
                raise InputError(
                    f"{self._path}: has {kind} ({_list_loops(experiment)}), which cannot be "
                    "placed in time, z and position. Export it as TIFF in NIS-Elements."
                )
            loops.append((axis, loop.count))
        return loops

    def _find_loop(self, axis: str) -> Any:
        loops = (one for one in self._file.experiment if one.count > 1)
        return next(one for one in loops if _AXES.get(one.type) == axis)

    def _read_channels(self, notes: list[str]) -> Sequence[Any]:
        try:
            return self._file.metadata.channels or []
        except Exception as error:  # the pixels are sound all the same
            notes.append(f"names of channels and pixel size unknown: {error}")
            return []

    def _read_pixel_size(
        self, channels: Sequence[Any], notes: list[str]
    ) -> tuple[float | None, float | None]:
        if not channels:
            return None, None
        volume = channels[0].volume
        if "time" in tuple(volume.axesInterpretation or ())[:2]:
            raise InputError(
                f"{self._path}: is a line scan, one of its sides is time, not an image. "
                "Take it out of the sample sheet."
            )
        sizes = []
        for size_um, calibrated in zip(
            volume.axesCalibration[:2], volume.axesCalibrated[:2], strict=True
        ):
            # Where it is not calibrated the library gives 1.
            size, note = check_pixel_size(size_um if calibrated else None, _SOURCE)
            notes += [note] if note else []
            sizes.append(size)
        return sizes[0], sizes[1]

    def _name_positions(self, n: int) -> list[str]:
        if n == 1:
            return [""]
        points = self._find_loop("P").parameters.points
        names = [str(point.name or "") for point in points]
        return names if len(names) == n else [""] * n

    def _count_frames(self, place: int, sizes: dict[str, int]) -> int:
        n_frames, n_slices = sizes.get("T", 1), sizes.get("Z", 1)
        if len(self._stored) == math.prod(sizes.values()):
            return n_frames
        counts = Counter(
            t
            for t, z in itertools.product(range(n_frames), range(n_slices))
            if self._number(place, t, z) in self._stored
        )
        return count_whole_frames((counts[t] for t in range(n_frames)), n_slices)

    def _read_interval(
        self, n_frames: int, place: int, notes: list[str]
    ) -> tuple[float | None, str]:
        if n_frames == 1:
            return None, ""
        loop = self._find_loop("T")
        periods = getattr(loop.parameters, "periods", None) or [loop.parameters]
        steps = [float(one.periodDiff.avg or 0) for one in periods]
        source = "ND2 time loop periodDiff.avg"
        if min(steps) > 0:
            if max(steps) > 1.2 * min(steps):
                spoken = ", ".join(f"{step / 60000:.4g}" for step in steps)
                notes.append(f"frame interval unknown: {source} is {spoken} min in its phases")
                return None, ""
            difference = periods[0].periodDiff
            if (difference.max or 0) > 1.5 * steps[0] and len(periods) == 1:
                notes.append(
                    f"frames are not evenly spaced: up to {difference.max / 60000:.4g} min apart, "
                    f"{steps[0] / 60000:.4g} min in the mean"
                )
            weights = [getattr(one, "count", 1) for one in periods]
            return float(np.average(steps, weights=weights)) / 60000, source
        source = "ND2 times of the frames"
        interval, note = find_interval(self._list_times(n_frames, place), source)
        notes += [note] if note else []
        if interval is None and note is None and len(periods) == 1:
            source = "ND2 time loop periodMs"
            period = float(periods[0].periodMs or 0) / 60000
            interval, _ = check_frame_interval(period or None, source)
        return interval, source if interval else ""

    def _list_times(self, n_frames: int, place: int) -> list[float]:
        """Minutes of the first slice of each time point, as far as the file has them."""
        if self._file.is_legacy:
            return []
        try:
            metadata = [
                self._file.frame_metadata(self._number(place, t, 0)) for t in range(n_frames)
            ]
        except (IndexError, KeyError, ValueError):
            return []
        return [one.channels[0].time.relativeTimeMs / 60000 for one in metadata]

    def _number(self, place: int, frame: int, z: int) -> int:
        """Place of a plane in the file's own order."""
        index = {"P": place, "T": frame, "Z": z}
        number = 0
        for axis, n in self._loops:
            number = number * n + index[axis]
        return number

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        number = self._number(self._places[image], frame, z)
        if number not in self._stored:
            raise InputError(
                f"{self._path}: frame {frame} lacks z slice {z + 1}, it was not recorded. "
                "Take the frame out, or choose another slice in the column 'projection'."
            )
        header = self.header.images[image]
        if not self._file.is_legacy:
            self._check_block(number)
        attributes = self._file.attributes
        pixels = self._file.read_frame(number).reshape(
            attributes.channelCount or 1, header.height, header.width, -1
        )
        if not self._is_rgb:
            per_channel = pixels.shape[3]
            plane = pixels[channel // per_channel, ..., channel % per_channel]
        elif self._file.is_legacy:
            plane = pixels[0]
        else:
            # Colours are stored as blue, green, red (and opacity).
            plane = np.concatenate([pixels[0][..., 2::-1], pixels[0][..., 3:]], axis=-1)
        return np.array(plane, dtype=header.dtype)

    def _check_block(self, number: int) -> None:
        """Refuse a plane that is not where the map of the file says: the library reads zeros."""
        name = f"ImageDataSeq|{number}!".encode()
        with self._path.open("rb") as file:
            file.seek(self._offsets[number])
            start = file.read(16 + len(name))
            n_bytes = int.from_bytes(start[8:16], "little")
            whole = self._offsets[number] + _BLOCK_HEADER - 8 + n_bytes
            is_cut = whole > file.seek(0, os.SEEK_END)
        if not start.startswith(_BLOCK) or start[16:] != name or is_cut:
            raise InputError(
                f"{self._path}: is damaged, plane {number + 1} is not where its table says. "
                "Copy it again from its source."
            )


def _find_planes(path: Path) -> dict[int, int]:
    """Where each plane lies, by the table at the end of the file."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        file.seek(int.from_bytes(file.read(8), "little"))
        table = file.read()
    return {
        int(found[1]): int.from_bytes(table[found.end() : found.end() + 8], "little")
        for found in re.finditer(rb"ImageDataSeq\|(\d+)!", table)
    }


def _list_loops(experiment: Sequence[Any]) -> str:
    return ", ".join(f"{loop.type} of {loop.count}" for loop in experiment)


def _name_components(names: Sequence[str], components: Sequence[int]) -> list[str]:
    """Names of all components: a colour camera among the channels gives three."""
    if len(names) != len(components) or not any(names):
        return []
    colours = ("blue", "green", "red", "opacity")
    return [
        name if n == 1 else f"{name} {colours[i] if n in (3, 4) else i + 1}".strip()
        for name, n in zip(names, components, strict=True)
        for i in range(n)
    ]

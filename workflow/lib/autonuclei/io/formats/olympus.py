"""OIF and OIB files of Olympus FluoView, read by the library oiffile."""

import re
from collections import Counter
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    check_pixel_size,
    convert_length,
    convert_time,
    count_whole_frames,
    explain_damage,
    require_library,
)

_OTHERS = {"A": "angles", "L": "wavelengths", "P": "points", "Q": "elements of an unknown axis"}
# A TIFF of each plane: s_C001Z002T003.tif. Overviews have other names: s_C001-R001.tif.
_PLANE = re.compile(r"^s(?:_((?:[A-Z]\d{3,})*))?\.tif$", re.IGNORECASE)


class OlympusFile(ImageFile):
    """An OIB file, or an OIF file with its folder of TIFFs; one position.

    Raises
    ------
    InputError
        The file is damaged, its folder is missing, or it has axes that have no place here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        library = require_library(path, "oiffile", "oiffile")
        folder = path.with_name(f"{path.name}.files")
        if path.suffix.lower() == ".oif" and not folder.is_dir():
            raise InputError(
                f"{path}: its folder {folder.name} is missing, which holds the pixels. "
                "Copy it from the same place."
            )
        try:
            with explain_damage(path):
                self._file = library.OifFile(str(path))
                self._describe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _describe(self) -> None:
        settings = self._file.mainfile
        axes = {}
        for i in range(16):
            axis = settings.get(f"Axis {i} Parameters Common")
            if axis is not None:
                axes[str(axis["AxisCode"])] = axis
        self._check_axes(str(settings["Axis Parameter Common"]["AxisOrder"]), axes)
        self._planes = self._list_planes()
        if not self._planes:
            raise InputError(
                f"{self._path}: holds no planes. Copy its folder whole from its source."
            )
        channels, slices, frames = (sorted({plane[i] for plane in self._planes}) for i in range(3))
        self._values = (channels, slices, frames)
        counts = Counter(plane[2] for plane in self._planes)
        n_frames = count_whole_frames((counts[t] for t in frames), len(channels) * len(slices))
        notes: list[str] = []
        if n_frames == 0:
            raise InputError(
                f"{self._path}: not all planes of its first time point are there. "
                "Copy its folder whole from its source."
            )
        if n_frames < len(frames):
            notes.append(
                f"only {n_frames} of {len(frames)} time points are whole: "
                "the acquisition was stopped, or files are missing"
            )
        first = self._read_page(self._planes[min(self._planes)], pixels=False)
        reference = settings.get("Reference Image Parameter", {})
        sizes = []
        for side in ("Width", "Height"):
            length = convert_length(
                reference.get(f"{side}ConvertValue"), str(reference.get(f"{side}Unit", ""))
            )
            size, note = check_pixel_size(length, f"OIF {side}ConvertValue")
            notes += [note] if note else []
            sizes.append(size)
        interval = _read_interval(axes.get("T"), len(frames))
        files = [str(self._path)]
        if not self._file.is_oib:
            files += [str(self._path.parent / name) for name in self._planes.values()]
        names = tuple(_name_channel(settings, number) for number in channels)
        self.header = FileHeader(
            (
                ImageHeader(
                    height=first[0][0],
                    width=first[0][1],
                    dtype=first[1],
                    n_frames=n_frames,
                    n_slices=len(slices),
                    n_channels=len(channels),
                    channel_names=names if all(names) else (),
                    is_rgb=len(first[0]) == 3,
                    pixel_size_um=sizes[0],
                    pixel_height_um=sizes[1],
                    pixel_size_source="OIF WidthConvertValue" if sizes[0] else "",
                    frame_interval_min=interval,
                    frame_interval_source="OIF axis T EndPosition" if interval else "",
                ),
            ),
            tuple(files),
            tuple(notes),
        )

    def _check_axes(self, order: str, axes: dict[str, Any]) -> None:
        if not order.startswith("XY"):
            raise InputError(
                f"{self._path}: is a scan over {' and '.join(order[:2])}, not an image. "
                "Take it out of the sample sheet."
            )
        for letter, name in _OTHERS.items():
            n = int(axes[letter].get("MaxSize", 0)) if letter in axes else 0
            if letter in order and n > 1:
                raise InputError(
                    f"{self._path}: has {n} {name}, which have no place here. Save what shows "
                    "the nuclei as a file of its own."
                )

    def _list_planes(self) -> dict[tuple[int, int, int], str]:
        """Names of the TIFFs by channel, slice and time point as the names count them."""
        planes = {}
        for name in self._file.glob():
            found = _PLANE.match(PureWindowsPath(name).name)
            if found is None:
                continue
            parts = dict(re.findall(r"([A-Z])(\d+)", (found[1] or "").upper()))
            others = parts.keys() - set("CZT")
            if others:
                raise InputError(
                    f"{self._path}: has planes of an axis {', '.join(sorted(others))}, which has "
                    "no place here. Save what shows the nuclei as a file of its own."
                )
            place = (int(parts.get("C", 1)), int(parts.get("Z", 1)), int(parts.get("T", 1)))
            planes[place] = name
        return planes

    def _read_page(self, name: str, *, pixels: bool) -> Any:
        """Pixels of a plane, or their shape and type."""
        import tifffile

        with self._file.open_file(name) as stream, tifffile.TiffFile(stream, name=name) as tif:
            page = tif.pages.first
            return page.asarray() if pixels else (page.shape, np.dtype(page.dtype).name)

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        channels, slices, frames = self._values
        name = self._planes.get((channels[channel], slices[z], frames[frame]))
        if name is None:
            raise InputError(
                f"{self._path}: frame {frame}, z slice {z + 1}, channel {channel + 1} is missing "
                "in its folder. Copy it whole from its source, or take the frame out."
            )
        return np.asarray(self._read_page(name, pixels=True))


def _name_channel(settings: Any, number: int) -> str:
    channel = settings.get(f"Channel {number} Parameters", {})
    dye = str(channel.get("DyeName", ""))
    return dye if dye not in ("", "None") else str(channel.get("CH Name", ""))


def _read_interval(axis: Any, n_frames: int) -> float | None:
    if axis is None or n_frames < 2:
        return None
    try:
        length = float(axis["EndPosition"]) - float(axis["StartPosition"])
    except (KeyError, TypeError, ValueError):
        return None
    total = convert_time(length, str(axis.get("UnitName", "")))
    return None if total is None else total / (n_frames - 1)

"""Pixel size, frame interval and channel names as the dialects of TIFF write them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tifffile import read_ndtiff_index

from autonuclei.io.formats.base import (
    check_frame_interval,
    check_pixel_size,
    convert_length,
    convert_time,
    find_interval,
)

# A resolution in dots per inch or centimetre is one of print, unless its dots are finer than any
# printer's: 5 um are 5080 dots per inch.
_FINEST_PRINT_UM = 5.0
_UNITS_OF_RESOLUTION = {2: ("inch", 25400.0), 3: ("cm", 10000.0)}


@dataclass
class Scale:
    """What a file says of an image besides its axes; fields as in `base.ImageHeader`."""

    pixel_size_um: float | None = None
    pixel_height_um: float | None = None
    pixel_size_source: str = ""
    frame_interval_min: float | None = None
    frame_interval_source: str = ""
    channel_names: tuple[str, ...] = ()
    position_names: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def take_size(self, x: Any, y: Any, unit: str, source: str) -> None:
        """Take the distances between columns and rows, where they can be."""
        width, height = (self._measure(value, unit, source) for value in (x, y))
        if width is not None:
            self.pixel_size_um, self.pixel_height_um = width, height
            self.pixel_size_source = source

    def _measure(self, value: Any, unit: str, source: str) -> float | None:
        factor = convert_length(1, unit)
        number = _to_number(value)
        if factor is None or number is None:  # pixels, or a unit that nobody knows
            return None
        size, note = check_pixel_size(number * factor, source)
        if note is not None:
            note = f"{note}; it can be given in the column 'pixel_size_um'"
            if note not in self.notes:
                self.notes.append(note)
        return size

    def take_interval(self, value: Any, unit: str, source: str) -> None:
        """Take the time between frames, where it can be."""
        factor = convert_time(1, unit)
        number = _to_number(value)
        if factor is None or number is None:
            return
        self._take_interval(*check_frame_interval(number * factor, source), source)

    def take_times(self, minutes: Sequence[float], source: str) -> None:
        """Take the time between frames from the time of each, where they are evenly spaced."""
        self._take_interval(*find_interval(minutes, source), source)

    def _take_interval(self, interval: float | None, note: str | None, source: str) -> None:
        if note is not None:
            self.notes.append(f"{note}; it can be given in the column 'frame_interval_min'")
        elif interval is not None:
            self.frame_interval_min, self.frame_interval_source = interval, source


def _to_number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def read_scale(tif: Any, dialect: str, page: Any) -> Scale:
    """Read what a TIFF file says of one of its images besides the axes.

    Parameters
    ----------
    tif
        An open `tifffile.TiffFile`.
    dialect
        Name that tifffile has for the kind of file.
    page
        First page of the image.
    """
    scale = Scale()
    reader = _READERS.get(dialect)
    if reader is not None:
        reader(tif, scale)
    if tif.is_metaseries:
        _read_metaseries(tif, scale)
    if tif.is_micromanager and not dialect:
        _read_micro_manager_plane(tif, scale)
    if (
        scale.pixel_size_um is None
        and not scale.notes
        and dialect not in ("imagej", "lsm", "fluoview")
    ):
        _read_resolution(page, scale)
    return scale


def _read_resolution(page: Any, scale: Scale) -> None:
    """A resolution per inch or centimetre that is too fine for a print."""
    unit, um = _UNITS_OF_RESOLUTION.get(page.tags.valueof("ResolutionUnit", default=2), ("", 0.0))
    x, y = (_invert(page.tags.valueof(name)) for name in ("XResolution", "YResolution"))
    if not um or x is None:
        return
    if x * um <= _FINEST_PRINT_UM:
        scale.take_size(x * um, None if y is None else y * um, "um", f"TIFF XResolution in {unit}")
    else:
        scale.notes.append(
            f"pixel size unknown: TIFF XResolution says {1 / x:g} dots per {unit}, a resolution "
            "of print; it can be given in the column 'pixel_size_um'"
        )


def _invert(fraction: Any) -> float | None:
    """Units per pixel from a fraction of pixels per unit; None for none and for nonsense."""
    if not isinstance(fraction, tuple) or len(fraction) != 2 or min(fraction) <= 0:
        return None
    return float(fraction[1]) / float(fraction[0])


def _read_imagej(tif: Any, scale: Scale) -> None:
    meta = tif.imagej_metadata or {}
    tags = tif.pages.first.tags
    x, y = (_invert(tags.valueof(name)) for name in ("XResolution", "YResolution"))
    # In a file of ImageJ the resolution counts in the unit of its description.
    unit = str(meta.get("unit", ""))
    y_unit = convert_length(1, str(meta.get("yunit", unit)))
    x_unit = convert_length(1, unit)
    if y is not None and x_unit is not None and y_unit is not None:
        y *= y_unit / x_unit
    scale.take_size(x, y, unit, "ImageJ resolution and unit")
    scale.take_interval(meta.get("finterval"), str(meta.get("tunit", "s")), "ImageJ finterval")
    n_channels = int(meta.get("channels", 1))
    labels = [str(label).strip() for label in meta.get("Labels") or ()]
    scale.channel_names = _find_channel_labels(labels, n_channels)


def _find_channel_labels(labels: Sequence[str], n_channels: int) -> tuple[str, ...]:
    """The labels of slices where they name channels: the same in each round of channels."""
    names = tuple(labels[:n_channels])
    if n_channels < 2 or len(set(names)) != n_channels or not all(names):
        return ()
    if any(label != names[i % n_channels] for i, label in enumerate(labels)):
        return ()
    if any(re.match(r"[cztCZT]:\d+/\d+", name) for name in names):  # Bio-Formats counts planes
        return ()
    return names


def _read_metaseries(tif: Any, scale: Scale) -> None:
    meta = tif.metaseries_metadata or {}
    plane = meta.get("PlaneInfo", {})
    if plane.get("spatial-calibration-state", True):
        scale.take_size(
            plane.get("spatial-calibration-x"),
            plane.get("spatial-calibration-y"),
            str(plane.get("spatial-calibration-units", "")),
            "MetaSeries spatial-calibration-x",
        )
    name = str(plane.get("_IllumSetting_") or plane.get("wavelength-name") or "")
    if name and not scale.channel_names:
        scale.channel_names = (name,)


def _read_stk(tif: Any, scale: Scale) -> None:
    meta = tif.stk_metadata or {}
    if meta.get("SpatialCalibration"):
        scale.take_size(
            meta.get("XCalibration"),
            meta.get("YCalibration"),
            str(meta.get("CalibrationUnits", "")),
            "MetaMorph XCalibration",
        )
    times = meta.get("DatetimeCreated")
    is_movie = not np.any(meta.get("ZDistance")) and len(set(meta.get("Wavelengths", ()))) < 2
    if is_movie and times is not None and len(times) > 1:
        minutes = (np.asarray(times) - times[0]) / np.timedelta64(60, "s")
        if len(set(minutes.tolist())) == len(minutes):
            scale.take_times(minutes.tolist(), "MetaMorph times of planes")


def _read_lsm(tif: Any, scale: Scale) -> None:
    meta = tif.lsm_metadata or {}
    scale.take_size(meta.get("VoxelSizeX"), meta.get("VoxelSizeY"), "m", "LSM VoxelSizeX")
    times = meta.get("TimeStamps")
    if times is not None and len(times) > 1:
        scale.take_times((np.asarray(times) / 60).tolist(), "LSM TimeStamps")
    elif meta.get("DimensionTime", 1) > 1:
        scale.take_interval(meta.get("TimeIntervall"), "s", "LSM TimeIntervall")
    names = (meta.get("ChannelColors") or {}).get("ColorNames") or ()
    scale.channel_names = tuple(str(name) for name in names)


def _read_fluoview(tif: Any, scale: Scale) -> None:
    steps = {}
    for name, _, _, step, unit in (tif.fluoview_metadata or {}).get("Dimensions", ()):
        steps[str(name).upper()] = (step, str(unit))
    x, unit = steps.get("X", (None, ""))
    scale.take_size(x, steps.get("Y", (None, ""))[0], unit, "FluoView dimension X")
    for name in ("T", "TIME"):
        if name in steps and steps[name][0]:
            scale.take_interval(*steps[name], "FluoView dimension T")


def _read_micro_manager(tif: Any, scale: Scale) -> None:
    summary = (tif.micromanager_metadata or {}).get("Summary") or {}
    first = tif.pages.first.tags.valueof(51123)
    first = first if isinstance(first, Mapping) else {}
    # A size of 0 says that the microscope was not calibrated.
    size = summary.get("PixelSize_um") or first.get("PixelSizeUm") or None
    scale.take_size(size, size, "um", "Micro-Manager PixelSize_um")
    # An interval of 0 asks for frames as fast as they come.
    interval = summary.get("Interval_ms") or first.get("Interval_ms") or None
    scale.take_interval(interval, "ms", "Micro-Manager Interval_ms")
    names = summary.get("ChNames") or ()
    if not isinstance(names, str):
        scale.channel_names = tuple(str(name) for name in names)
    places = summary.get("StagePositions") or summary.get("InitialPositionList") or ()
    if all(isinstance(place, Mapping) for place in places):
        scale.position_names = tuple(
            str(place.get("Label", place.get("label", ""))) for place in places
        )


def _read_micro_manager_plane(tif: Any, scale: Scale) -> None:
    """A plane that Micro-Manager saved as a file of its own."""
    said = tif.pages.first.tags.valueof(51123)
    if isinstance(said, Mapping):
        size = said.get("PixelSizeUm") or None
        scale.take_size(size, size, "um", "Micro-Manager PixelSizeUm")
        name = said.get("Channel")
        scale.channel_names = (name,) if isinstance(name, str) and name else ()


def _read_ndtiff(tif: Any, scale: Scale) -> None:
    _read_micro_manager(tif, scale)
    names: dict[str, None] = {}
    for axes, *_ in read_ndtiff_index(Path(tif.filehandle.path).with_name("NDTiff.index")):
        if isinstance(axes.get("channel"), str):
            names[str(axes["channel"])] = None
    if names:
        scale.channel_names = tuple(names)


def _read_sis(tif: Any, scale: Scale) -> None:
    meta = tif.sis_metadata or {}
    scale.take_size(meta.get("pixelsizex"), meta.get("pixelsizey"), "m", "Olympus SIS pixelsizex")


def _read_svs(tif: Any, scale: Scale) -> None:
    found = re.search(r"MPP\s*=\s*([\d.]+)", tif.pages.first.description)
    if found:
        scale.take_size(found[1], found[1], "um", "Aperio MPP")


def _read_qpi(tif: Any, scale: Scale) -> None:
    names = []
    first = tif.pages.first
    for page in tif.pages:
        if page.shape != first.shape:
            break
        found = re.search(r"<Name>([^<]*)</Name>", page.aspage().description)
        names.append(found[1] if found else "")
    if all(names):
        scale.channel_names = tuple(names)


_READERS = {
    "imagej": _read_imagej,
    "stk": _read_stk,
    "lsm": _read_lsm,
    "fluoview": _read_fluoview,
    "mmstack": _read_micro_manager,
    "ndtiff": _read_ndtiff,
    "sis": _read_sis,
    "svs": _read_svs,
    "qpi": _read_qpi,
}

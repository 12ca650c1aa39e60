"""TIFF in its dialects (provisional)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array, FileHeader, ImageFile, ImageHeader, convert_length, convert_time, explain_damage,
)


class TiffImageFile(ImageFile):
    def __init__(self, path: Path) -> None:
        import tifffile

        header = _read_tiff_header(path)
        self._path = path
        self.header = FileHeader((header,), (str(path),))
        with explain_damage(path), _refuse_damage():
            self._tif = tifffile.TiffFile(path)
            self._series = self._tif.series[0]

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        header = self.header.images[0]
        sizes = {"T": header.n_frames, "Z": header.n_slices, "C": header.n_channels}
        position = {"T": frame, "Z": z, "C": channel}
        index = 0
        axes = self._series.axes
        for unnamed in "IQR":
            axes = axes.replace(unnamed, "T")
        for axis in axes:
            if axis in sizes:
                index = index * sizes[axis] + position[axis]
        series = self._series
        if len(series.pages) > index and not series.is_truncated:
            page = series.pages[index]
            if page is not None:
                data = np.asarray(page.asarray())
                if data.ndim == 3 and data.shape[0] in (3, 4):
                    data = np.moveaxis(data, 0, -1)
                return data
        shape = (header.height, header.width)
        dtype = np.dtype(series.dtype).newbyteorder(self._tif.byteorder)
        size = int(np.prod(shape)) * dtype.itemsize
        if series.dataoffset is None:
            raise ValueError(f"plane {index} is missing")
        with self._path.open("rb") as file:
            file.seek(series.dataoffset + index * size)
            data = file.read(size)
        return np.frombuffer(data, dtype).reshape(shape).astype(header.dtype)

    def close(self) -> None:
        self._tif.close()


_DAMAGE = ("invalid page offset", "failed to reshape", "ImageJ series metadata invalid")


class _DamageHandler(logging.Handler):
    """Raises what tifffile only mentions when it finds the end of a file missing."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if any(words in message for words in _DAMAGE):
            raise ValueError("the file is truncated")


@contextmanager
def _refuse_damage() -> Iterator[None]:
    logger = logging.getLogger("tifffile")
    handler = _DamageHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)




def _read_tiff_header(path: Path) -> ImageHeader:
    import tifffile

    with explain_damage(path), _refuse_damage(), tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        if len(tif.series) > 1:
            listed = ", ".join("x".join(map(str, other.shape)) for other in tif.series[:4])
            raise InputError(
                f"{path}: holds {len(tif.series)} sets of images of different sizes ({listed}). "
                "Save the one with the nuclei as a file of its own."
            )
        axes, shape = series.axes, series.shape
        # OME and shaped TIFFs may carry axes of length one, or none where pages are one image.
        sizes = {
            axis: size for axis, size in zip(axes, shape, strict=True) if size > 1 or axis in "YX"
        }
        is_rgb = "S" in sizes
        for unnamed in "IQR":  # "image", "other", "range": a stack without a named axis
            if unnamed in sizes:
                if "T" in sizes:
                    raise ValueError(f"has the axes {axes}, which this workflow does not know")
                sizes["T"] = sizes.pop(unnamed)
                axes = axes.replace(unnamed, "T")
        if set(sizes) - set("TZCYXS"):
            raise ValueError(f"has the axes {axes}, which this workflow does not know")
        if not "".join(axis for axis in axes if axis in sizes and axis != "S").endswith("YX"):
            raise ValueError(f"has the axes {axes}; each plane must be stored whole")
        if is_rgb and sizes["S"] not in (3, 4):
            # Two samples per pixel are channels stored together, which no microscope writes.
            raise ValueError(f"has {sizes['S']} samples per pixel")
        pixel_size_um, interval_min, names = _read_tiff_metadata(tif)
        n_channels = sizes.get("C", 1)
        return ImageHeader(
            height=sizes["Y"],
            width=sizes["X"],
            dtype=np.dtype(series.dtype).name,
            
            n_frames=sizes.get("T", 1),
            n_slices=sizes.get("Z", 1),
            n_channels=n_channels,
            channel_names=names if len(names) == n_channels else (),
            is_rgb=is_rgb,
            pixel_size_um=pixel_size_um,
            frame_interval_min=interval_min,
        )


def _read_tiff_metadata(tif: Any) -> tuple[float | None, float | None, tuple[str, ...]]:
    """Pixel size (um), frame interval (min) and channel names, as far as the file has them."""
    if tif.is_ome:
        import tifffile

        image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
        pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
        size, unit = pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "µm")
        step, step_unit = pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")
        channels = pixels.get("Channel", [])
        channels = channels if isinstance(channels, list) else [channels]
        names = tuple(str(c["Name"]) for c in channels if "Name" in c)
        return convert_length(size, unit), convert_time(step, step_unit), names
    if tif.is_imagej:
        meta = tif.imagej_metadata or {}
        resolution = tif.pages[0].tags.get("XResolution")
        size = None
        if resolution is not None and resolution.value[0] > 0:
            size = resolution.value[1] / resolution.value[0]
        labels = meta.get("Labels") or []
        n_channels = int(meta.get("channels", 1))
        names = tuple(str(label) for label in labels[:n_channels]) if n_channels > 1 else ()
        return (
            convert_length(size, str(meta.get("unit", ""))),
            convert_time(meta.get("finterval"), str(meta.get("tunit", "s"))),
            names,
        )
    return None, None, ()

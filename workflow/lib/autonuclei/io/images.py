"""Reading microscopy images plane by plane, and writing label images.

A file is described once by its header (`read_header`); pixels are read one plane at a time
(`read_plane`), so that a long movie never stands in memory whole.
"""

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside

Array = npt.NDArray[Any]

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".lsm")
PILLOW_SUFFIXES = (".png", ".jpg", ".jpeg")

MINIMUM_SIDE_PX = 16

_MICROMETRES = {
    "nm": 1e-3,
    "nanometer": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "\\u00b5m": 1.0,
    "\\u00B5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "mm": 1e3,
    "cm": 1e4,
}
_MINUTES = {"ms": 1 / 60000, "s": 1 / 60, "sec": 1 / 60, "min": 1.0, "h": 60.0}


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of itself, without its pixels.

    `n_frames`, `n_slices`, `n_channels` count time points, z slices and channels; a stack
    whose file does not name its third axis counts as time. `pixel_size_um` (micrometres) and
    `frame_interval_min` (minutes) are None when the file does not give them.
    """

    height: int
    width: int
    dtype: str
    axes: str = "YX"
    n_frames: int = 1
    n_slices: int = 1
    n_channels: int = 1
    channel_names: tuple[str, ...] = ()
    is_rgb: bool = False
    pixel_size_um: float | None = None
    frame_interval_min: float | None = None


def read_header(path: str | os.PathLike[str]) -> ImageHeader:
    """Read what an image file says of itself.

    Raises
    ------
    InputError
        The file is missing, empty, not an image, or of a kind that is not supported.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the path in the sample sheet.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes). Copy it again from its source.")
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        return _read_tiff_header(path)
    if suffix in PILLOW_SUFFIXES:
        return _read_pillow_header(path)
    raise InputError(
        f"{path}: files of type '{suffix}' cannot be read. "
        "Save it as TIFF in Fiji (File > Save As > Tiff...)."
    )


def read_plane(
    path: str | os.PathLike[str],
    *,
    frame: int = 0,
    channel: str | None = None,
    projection: str | None = None,
    shape: tuple[int, int] | None = None,
) -> Array:
    """Read the plane of one time point as a grey-value image.

    Parameters
    ----------
    path
        An image file.
    frame
        Time point within the file, from 0.
    channel
        Number (from 1, as Fiji counts) or name; needed when the file has several.
    projection
        ``max`` or ``mean`` over the z slices, the number of one slice (from 1), or ``time``
        when what the file calls slices are time points; needed when there are several.
    shape
        Rows and columns that the other frames of the movie have; None takes any.

    Returns
    -------
    2-D array in the file's own type (float32 for a mean projection).

    Raises
    ------
    InputError
        The file cannot be read, is truncated, in colour or of another shape, or the choice does
        not exist in it.
    """
    path = Path(path)
    header = read_header(path)
    if shape is not None and (header.height, header.width) != tuple(shape):
        raise InputError(
            f"{path}: is {header.width} x {header.height} pixels, but most frames of this movie "
            f"are {shape[1]} x {shape[0]}. Use kind 'stills' or take it out."
        )
    planes = list_planes(header, path, frame=frame, channel=channel, projection=projection)
    with _open_planes(path, header) as read:
        image = _require_grey(read(planes[0]), path)
        if len(planes) == 1:
            return image
        total = image.astype(np.float64) if projection == "mean" else image.copy()
        for plane in planes[1:]:
            image = _require_grey(read(plane), path)
            if projection == "mean":
                total += image
            else:
                np.maximum(total, image, out=total)
    return (total / len(planes)).astype(np.float32) if projection == "mean" else total


def count_frames(header: ImageHeader, projection: str | None) -> int:
    """Time points in a file, given how its z slices are to be taken."""
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
) -> list[int]:
    """Positions, in the file's own order, of the planes that make up one time point.

    Raises
    ------
    InputError
        The choice of channel, slice or frame is missing or does not exist in the file.
    """
    channel_index = _find_channel(header, path, channel)
    slices: Iterable[int] = [0]
    if projection == "time":
        if header.n_frames > 1:
            raise InputError(
                f"{path}: projection 'time' is for files whose time points are called slices, "
                f"but this one has {header.n_frames} time points. Choose max, mean or a slice."
            )
        slices, frame = [frame], 0
    elif header.n_slices > 1:
        if projection is None:
            raise InputError(
                f"{path}: has {header.n_slices} z slices. Say in the column 'projection' how to "
                "take them: max, mean, the number of one slice, or 'time' if they are time points."
            )
        if projection in ("max", "mean"):
            slices = range(header.n_slices)
        else:
            if not 1 <= int(projection) <= header.n_slices:
                raise InputError(
                    f"{path}: has no z slice {projection}, only 1 to {header.n_slices}. "
                    "Correct the column 'projection'."
                )
            slices = [int(projection) - 1]
    sizes = {"T": header.n_frames, "Z": header.n_slices, "C": header.n_channels}
    order = [axis for axis in header.axes if axis in sizes]
    planes = []
    for z in slices:
        position = {"T": frame, "Z": z, "C": channel_index}
        if any(not 0 <= position[axis] < size for axis, size in sizes.items()):
            raise InputError(
                f"{path}: has no frame {frame if projection != 'time' else z}, only 0 to "
                f"{count_frames(header, projection) - 1}. Was the file replaced? Run again."
            )
        index = 0
        for axis in order:
            index = index * sizes[axis] + position[axis]
        planes.append(index)
    return planes


def _find_channel(header: ImageHeader, path: str | os.PathLike[str], channel: str | None) -> int:
    names = ", ".join(header.channel_names) or "without names"
    if channel is None:
        if header.n_channels > 1:
            raise InputError(
                f"{path}: has {header.n_channels} channels ({names}). Say in the column 'channel' "
                "which one shows the nuclei, by number from 1 or by name."
            )
        return 0
    if channel in header.channel_names:
        return header.channel_names.index(channel)
    if channel.isdigit() and 1 <= int(channel) <= header.n_channels:
        return int(channel) - 1
    raise InputError(
        f"{path}: has no channel '{channel}', only {header.n_channels} ({names}). "
        "Correct the column 'channel'."
    )


def _require_grey(image: Array, path: Path) -> Array:
    """Take an RGB image whose three colours are equal as grey; refuse real colour."""
    if image.ndim == 2:
        return image
    # Colours lie together at each pixel, or plane behind plane.
    colours = image[..., :3] if image.shape[2] <= 4 else np.moveaxis(image[:3], 0, -1)
    if (colours[..., 0] == colours[..., 1]).all() and (colours[..., 0] == colours[..., 2]).all():
        return np.ascontiguousarray(colours[..., 0])
    raise InputError(
        f"{path}: is a colour image. Save the channel that shows the nuclei as a grey image "
        "(Fiji: Image > Color > Split Channels)."
    )


@contextmanager
def _open_planes(path: Path, header: ImageHeader) -> Iterator[Callable[[int], Array]]:
    """Give a function that reads the n-th plane of an open file."""
    if path.suffix.lower() in TIFF_SUFFIXES:
        import tifffile

        with _explain(path), _refuse_damage(), tifffile.TiffFile(path) as tif:
            series = tif.series[0]

            def read(index: int) -> Array:
                with _explain(path):
                    if len(series.pages) > index and not series.is_truncated:
                        page = series.pages[index]
                        if page is not None:
                            return np.asarray(page.asarray())
                    # Fiji writes stacks beyond 4 GB as one page and the rest behind it.
                    shape = (header.height, header.width)
                    dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
                    size = int(np.prod(shape)) * dtype.itemsize
                    if series.dataoffset is None:
                        raise ValueError(f"plane {index} is missing")
                    with path.open("rb") as file:
                        file.seek(series.dataoffset + index * size)
                        data = file.read(size)
                    return np.frombuffer(data, dtype).reshape(shape).astype(header.dtype)

            yield read
    else:

        def read_pillow(index: int) -> Array:
            from PIL import Image

            with _explain(path), Image.open(path) as picture:
                if picture.mode in ("P", "PA", "LA", "CMYK", "YCbCr", "LAB", "HSV"):
                    return np.asarray(picture.convert("RGB"))
                image = np.asarray(picture)
            return image.astype(np.uint16) if header.dtype == "uint16" else image

        yield read_pillow


@contextmanager
def _explain(path: Path) -> Iterator[None]:
    """Turn what an image library says of a broken file into one line for the user."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path}: cannot be read as an image, it is damaged or not what its name says "
            f"({reason}). Open it in Fiji to check it, and copy or export it again."
        ) from error


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


def _read_pillow_header(path: Path) -> ImageHeader:
    from PIL import Image

    with _explain(path), Image.open(path) as picture:
        width, height = picture.size
        mode = picture.mode
    dtypes = {"1": "bool", "I;16": "uint16", "I;16B": "uint16", "I": "int32", "F": "float32"}
    is_rgb = mode not in ("L", *dtypes)
    return ImageHeader(height, width, dtypes.get(mode, "uint8"), is_rgb=is_rgb)


def _read_tiff_header(path: Path) -> ImageHeader:
    import tifffile

    with _explain(path), _refuse_damage(), tifffile.TiffFile(path) as tif:
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
            axes="".join(axis for axis in axes if axis in sizes),
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
        return _convert(size, unit, _MICROMETRES), _convert(step, step_unit, _MINUTES), names
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
            _convert(size, str(meta.get("unit", "")), _MICROMETRES),
            _convert(meta.get("finterval"), str(meta.get("tunit", "s")), _MINUTES),
            names,
        )
    return None, None, ()


def _convert(value: Any, unit: str, factors: dict[str, float]) -> float | None:
    """`value` in the base unit, or None when it is missing, not positive or without a unit."""
    factor = factors.get(unit.strip().lower(), factors.get(unit.strip()))
    if value is None or factor is None or not float(value) > 0:
        return None
    return float(value) * factor


_HEADER_FIELDS = [field.name for field in fields(ImageHeader)]


class HeaderCache:
    """Headers remembered on disk, so that each file is opened once and not at every parse.

    A header is read again when the size or the time of its file has changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._changed = False
        self._known: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            stored = json.loads(self._path.read_text())
            # What another version of this module read may mean something else.
            if stored["fields"] == _HEADER_FIELDS:
                self._known = stored["headers"]

    def read(self, path: str | os.PathLike[str]) -> ImageHeader:
        """As `read_header`; problems are not remembered."""
        path = Path(path)
        try:
            stat = path.stat()
        except OSError:
            return read_header(path)
        key, stamp = str(path.absolute()), [stat.st_size, stat.st_mtime_ns]
        known = self._known.get(key)
        if known is not None and known["stamp"] == stamp:
            stored = known["header"]
            return ImageHeader(**{**stored, "channel_names": tuple(stored["channel_names"])})
        header = read_header(path)
        self._known[key] = {"stamp": stamp, "header": asdict(header)}
        self._changed = True
        return header

    def save(self) -> None:
        """Write the headers down if there are new ones; a read-only folder is no error."""
        if not self._changed:
            return
        try:
            with write_beside(self._path) as partial:
                stored = {"fields": _HEADER_FIELDS, "headers": self._known}
                partial.write_text(json.dumps(stored))
        except OSError:
            return
        self._changed = False


def check_pixels(image: Array, path: str | os.PathLike[str]) -> None:
    """Refuse pixels in which no nucleus can be measured.

    Raises
    ------
    InputError
        NaN or infinite pixels, all pixels equal, fewer than 16 px on a side, or a label image
        (flat areas on zero) in the place of a fluorescence image.
    """
    if min(image.shape) < MINIMUM_SIDE_PX:
        raise InputError(
            f"{path}: is {image.shape[1]} x {image.shape[0]} pixels, at least "
            f"{MINIMUM_SIDE_PX} x {MINIMUM_SIDE_PX} are needed. Take it out of the sample sheet."
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        count = int((~np.isfinite(image)).sum())
        raise InputError(
            f"{path}: has {count} pixels that are NaN or infinite. Replace them (Fiji: "
            "Process > Noise > Remove NaNs...) and save it again, or take it out of the sheet."
        )
    if image.min() == image.max():
        raise InputError(
            f"{path}: all pixels have the value {image.flat[0]}. Check the channel and the "
            "export, or take it out of the sample sheet."
        )
    if image.dtype.kind in "uib" and is_label_image(image):
        raise InputError(
            f"{path}: looks like a label image or mask (flat areas on zero), not like "
            "fluorescence. Give the raw image in the column 'images'."
        )


def is_label_image(image: Array) -> bool:
    """Whether an image is flat areas on zero, as masks and label images are.

    Neighbouring pixels above zero are nearly all equal, and most pixels have a neighbour of
    their kind, above zero and at zero; the zeros and ones of a dark camera image have not.
    """
    if image.min() != 0:
        return False
    left, right = image[:, :-1], image[:, 1:]
    above = (left > 0) & (right > 0)
    n_above = int(above.sum())
    n_zero = int(((left == 0) & (right == 0)).sum())
    n_edge = left.size - n_above - n_zero
    is_flat = int((above & (left == right)).sum()) >= 0.98 * n_above
    return n_above > 0 and is_flat and min(n_above, n_zero) > n_edge


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

    with _explain(Path(path)):
        return np.asarray(tifffile.imread(path))


def read_movie_page(
    planes: Mapping[int, Mapping[str, Any]], frame: int, shape: tuple[int, int]
) -> Array:
    """One raw frame of a movie; black where the sequence misses it.

    `planes` has the arguments of `read_plane` for each frame that is there.
    """
    if frame in planes:
        return read_plane(**planes[frame])
    return np.zeros(shape, read_plane(**next(iter(planes.values()))).dtype)

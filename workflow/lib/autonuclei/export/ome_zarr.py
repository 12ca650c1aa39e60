"""Masks as OME-Zarr 0.4 (https://ngff.openmicroscopy.org/0.4), for napari, Fractal and others.

0.4 is what they all open: Fractal's tasks and Fiji's readers are made for it, and napari-ome-zarr
opens it as well as its successors.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import zarr

from autonuclei.io.files import write_beside
from autonuclei.io.formats.base import FileHeader
from autonuclei.io.formats.ome_zarr import ZIP_SUFFIXES, OmeZarrFile
from autonuclei.io.images import find_position
from autonuclei.io.label_frames import LabelFrames
from autonuclei.io.label_store import DeferredLabels
from autonuclei.io.lazy_planes import ArrayLike, iterate_bands
from autonuclei.labels.strips import hold

VERSION = "0.4"
LABEL_NAME = "nuclei"
LABEL_TYPE = np.dtype("<u4")

# Images are halved until they fit on a screen.
_SMALLEST_LEVEL_PX = 512
_LARGEST_CHUNK_PX = 2048
_AXIS_TYPES = {"t": "time", "z": "space", "y": "space", "x": "space"}
_XML = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_XML_TYPES = {"float32": "float", "float64": "double", "bool": "uint8"}


@dataclass(frozen=True)
class ZarrImage:
    """One image to write: a movie, or a still.

    Parameters
    ----------
    name
        Shown by viewers.
    frames
        Numbers of its frames, one for each time point.
    axes
        Of `t`, `z`, `y`, `x` in this order; z gets the length one. Without t there is one frame.
    pixel_size_um, frame_interval_min
        None where unknown.
    first_pixel
        Row and column of the image in its file at which this part of it begins (`preprocess.crop`),
        so that viewers lay both on each other.
    """

    name: str
    frames: Sequence[int]
    axes: str = "tyx"
    pixel_size_um: float | None = None
    frame_interval_min: float | None = None
    first_pixel: tuple[int, int] = (0, 0)


def find_axes(planes: Mapping[int, Mapping[str, Any]], *, is_movie: bool) -> dict[int, str]:
    """The axes that the masks of each frame need to fit onto the image that they were made from.

    Label images have the axes of their image, with length one where the masks have none: so a
    user can put them beneath an OME-Zarr image. Channels have none, as Fractal writes them and
    napari lays them over channels that it shows one by one. For frames from other files it is
    (t, y, x) of a movie and (y, x) of a still.

    Parameters
    ----------
    planes
        Arguments of `io.images.read_plane` by frame number.
    """
    files: dict[str, tuple[FileHeader, list[str]]] = {}
    found = {}
    for frame, plane in planes.items():
        path, own = plane["path"], ""
        # Slices that are time points have no axis t in the file.
        if _is_ome_zarr(path) and plane.get("projection") != "time":
            if path not in files:
                with OmeZarrFile(Path(path)) as file:
                    axes = [file.get_axes(image) for image in range(len(file.header.images))]
                    files[path] = (file.header, axes)
            header, of_images = files[path]
            own = of_images[find_position(header, path, plane.get("position"))]
        needed = set(own) | set("tyx" if is_movie else "yx")
        found[frame] = "".join(axis for axis in _AXIS_TYPES if axis in needed)
    return found


def _is_ome_zarr(path: str | Sequence[str]) -> bool:
    return isinstance(path, str) and (
        Path(path).is_dir() or Path(path).suffix.lower() in ZIP_SUFFIXES
    )


def write_movie(
    folder: str | os.PathLike[str],
    image: ZarrImage,
    *,
    labels: LabelFrames | DeferredLabels,
    read_raw: Callable[[int], ArrayLike] | None = None,
) -> None:
    """Write the masks of a movie as one OME-Zarr image, replacing an older one.

    The masks are the label image `labels/nuclei`, uint32, with levels of half the size until
    they are small; a level takes every second pixel of the one before, since numbers of nuclei
    cannot be averaged. The image above holds the raw pixels where they are given, else the
    masks themselves.

    Parameters
    ----------
    folder
        The folder to write.
    image
    labels
        The label image of each frame: a list, a `LabelStore` or `DeferredLabels`.
    read_raw
        Gives the raw image of a frame, or one to be read part by part.
    """
    with write_beside(folder) as partial:
        _write_image(partial, image, labels, read_raw)


def write_stills(
    folder: str | os.PathLike[str],
    images: Sequence[ZarrImage],
    *,
    labels: LabelFrames | DeferredLabels,
    read_raw: Callable[[int], ArrayLike] | None = None,
) -> None:
    """Write the masks of stills as a set of OME-Zarr images, replacing an older one.

    The set has the layout of bioformats2raw, which napari opens as a whole: images `0`, `1` and
    so on, each as by `write_movie`, with their names in `OME/METADATA.ome.xml`.
    """
    with write_beside(folder) as partial:
        _open_group(partial, {"bioformats2raw.layout": 3})
        described = ElementTree.Element("OME", {"xmlns": _XML})
        for number, image in enumerate(images):
            _write_image(partial / str(number), image, labels, read_raw)
            shape, dtype = _measure(partial / str(number))
            _describe_xml(
                described, number, image, dict(zip(image.axes, shape, strict=True)), dtype
            )
        listed = [str(number) for number in range(len(images))]
        _open_group(partial / "OME", {"series": listed})
        ElementTree.ElementTree(described).write(
            partial / "OME" / "METADATA.ome.xml", encoding="UTF-8", xml_declaration=True
        )


def _write_image(
    folder: Path,
    image: ZarrImage,
    labels: LabelFrames | DeferredLabels,
    read_raw: Callable[[int], ArrayLike] | None,
) -> None:
    inner = folder / "labels" / LABEL_NAME
    levels = _write_levels(inner, (labels[frame] for frame in image.frames), image, LABEL_TYPE)
    of_image = [f"labels/{LABEL_NAME}/{level}" for level in levels]
    if read_raw is not None:
        of_image = _write_levels(folder, map(read_raw, image.frames), image)
    _open_group(folder, {"multiscales": [_describe(image, of_image)]})
    _open_group(folder / "labels", {"labels": [LABEL_NAME]})
    label = {"version": VERSION, "source": {"image": "../../"}}
    _open_group(inner, {"multiscales": [_describe(image, levels)], "image-label": label})


def _write_levels(
    folder: Path,
    planes: Iterator[ArrayLike],
    image: ZarrImage,
    dtype: np.dtype[Any] | None = None,
) -> list[str]:
    """Write an array for each level of resolution, frame by frame; gives their names."""
    levels: list[Any] = []
    for number, plane in enumerate(planes):
        if not levels:
            levels = list(_create_levels(folder, plane.shape, dtype or plane.dtype, image))
        index = tuple(number if axis == "t" else 0 for axis in image.axes[:-2])
        row = 0
        # Bands begin with a chunk, at a row that all levels have.
        for band in iterate_bands(hold(plane), _LARGEST_CHUNK_PX):
            part = band
            for i, level in enumerate(levels):
                level[(*index, slice(row >> i, (row >> i) + len(part)))] = part
                part = part[::2, ::2]
            row += len(band)
    return [str(number) for number in range(len(levels))]


def _create_levels(
    folder: Path, shape: tuple[int, ...], dtype: np.dtype[Any], image: ZarrImage
) -> Iterator[Any]:
    height, width = shape
    number = 0
    while True:
        upper = [len(image.frames) if axis == "t" else 1 for axis in image.axes[:-2]]
        yield zarr.create_array(
            folder / str(number),
            shape=(*upper, height, width),
            chunks=(*[1] * len(upper), *(min(n, _LARGEST_CHUNK_PX) for n in (height, width))),
            dtype=np.uint8 if dtype.kind == "b" else dtype,
            # Readers of version 2 in Java and JavaScript know this codec.
            compressors={"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 1},
            chunk_key_encoding={"name": "v2", "separator": "/"},
            zarr_format=2,
        )
        if max(height, width) <= _SMALLEST_LEVEL_PX:
            return
        height, width, number = (height + 1) // 2, (width + 1) // 2, number + 1


def _describe(image: ZarrImage, paths: Sequence[str]) -> dict[str, Any]:
    """The entry of `multiscales`."""
    interval, size = image.frame_interval_min, image.pixel_size_um
    units = {"t": "second"} if interval else {}
    units |= {"y": "micrometer", "x": "micrometer"} if size else {}
    # Where nothing is known the specification asks for 1, without a unit.
    steps = {"t": (interval or 1 / 60) * 60, "y": size or 1.0, "x": size or 1.0}
    first = dict(zip("yx", image.first_pixel, strict=True))
    places = [first.get(axis, 0) * steps.get(axis, 1.0) for axis in image.axes]
    moved = [{"type": "translation", "translation": places}] if any(places) else []
    return {
        "version": VERSION,
        "name": image.name,
        "axes": [
            {"name": axis, "type": _AXIS_TYPES[axis]}
            | ({"unit": units[axis]} if axis in units else {})
            for axis in image.axes
        ],
        "datasets": [
            {
                "path": path,
                "coordinateTransformations": [
                    {
                        "type": "scale",
                        "scale": [
                            steps.get(axis, 1.0) * (2**level if axis in "yx" else 1)
                            for axis in image.axes
                        ],
                    },
                    *moved,
                ],
            }
            for level, path in enumerate(paths)
        ],
        "type": "nearest",
    }


def _open_group(folder: Path, attributes: Mapping[str, Any]) -> None:
    zarr.open_group(folder, mode="a", zarr_format=2).attrs.update(attributes)


def _measure(folder: Path) -> tuple[tuple[int, ...], str]:
    """Shape and type of an image that was written."""
    group = zarr.open_group(folder, mode="r", zarr_format=2)
    array = group[group.attrs["multiscales"][0]["datasets"][0]["path"]]
    return tuple(array.shape), str(array.dtype.name)


def _describe_xml(
    parent: ElementTree.Element,
    number: int,
    image: ZarrImage,
    sizes: Mapping[str, int],
    dtype: str,
) -> None:
    """Add what OME-XML asks for of an image."""
    element = ElementTree.SubElement(parent, "Image", {"ID": f"Image:{number}", "Name": image.name})
    attributes = {"ID": f"Pixels:{number}", "DimensionOrder": "XYZCT"}
    attributes |= {f"Size{axis.upper()}": str(sizes.get(axis, 1)) for axis in "xyzct"}
    attributes["Type"] = _XML_TYPES.get(dtype, dtype)
    if image.pixel_size_um:
        attributes |= {f"PhysicalSize{axis}": str(image.pixel_size_um) for axis in "XY"}
    pixels = ElementTree.SubElement(element, "Pixels", attributes)
    ElementTree.SubElement(pixels, "MetadataOnly")

"""What the OME-XML of a TIFF file says: images, their axes, and which page holds which plane."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from autonuclei.io.formats.base import convert_length, convert_time
from autonuclei.io.formats.tiff_metadata import Scale


@dataclass(frozen=True)
class PageRun:
    """Pages that follow each other, in a file of the set.

    `uuid` and `file` name the file (both empty: the one that holds the text); `page` counts from
    0; `n_pages` is None for all that the file has. `start` is the place of the first plane: time,
    z and channel.
    """

    uuid: str
    file: str
    page: int
    n_pages: int | None
    start: tuple[int, int, int]


@dataclass(frozen=True)
class OmeImage:
    """One image of the OME-XML. `order` has the axes T, Z, C, the fastest last."""

    name: str
    width: int
    height: int
    n_frames: int
    n_slices: int
    n_channels: int
    order: str
    runs: tuple[PageRun, ...]
    scale: Scale
    has_modulo: bool


@dataclass(frozen=True)
class OmeText:
    """An OME-XML. `master` names the file that says all, where this one has only pixels."""

    uuid: str
    master: str
    images: tuple[OmeImage, ...]


def parse_ome(text: str) -> OmeText:
    """Understand an OME-XML.

    Raises
    ------
    ValueError
        It is not well-formed, or lacks what it must have.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"its OME-XML is broken: {error}") from error
    only = next(_find(root, "BinaryOnly"), None)
    modulo = {
        annotation.get("ID")
        for group in _find(root, "StructuredAnnotations")
        for annotation in group
        if str(annotation.get("Namespace", "")).lower().endswith("modulo")
    }
    return OmeText(
        uuid=root.get("UUID", ""),
        master="" if only is None else only.get("MetadataFile", ""),
        images=tuple(
            _parse_image(image, pixels, modulo)
            for image in _find(root, "Image")
            for pixels in _find(image, "Pixels")
        ),
    )


def _find(parent: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Children of this name; the versions of OME-XML differ by their namespace only."""
    return (child for child in parent if child.tag.rpartition("}")[2] == name)


def _parse_image(
    image: ElementTree.Element, pixels: ElementTree.Element, modulo: set[str | None]
) -> OmeImage:
    try:
        order = "".join(reversed(pixels.attrib["DimensionOrder"].upper().replace("XY", "")))
        size = {axis: int(pixels.attrib[f"Size{axis}"]) for axis in "XYZCT"}
    except (KeyError, ValueError) as error:
        raise ValueError(f"its OME-XML lacks a size or the order of axes: {error}") from error
    if sorted(order) != ["C", "T", "Z"] or min(size.values()) < 1:
        raise ValueError(f"its OME-XML gives the order of axes {order} and the sizes {size}")
    references = {reference.get("ID") for reference in _find(image, "AnnotationRef")}
    references |= {reference.get("ID") for reference in _find(pixels, "AnnotationRef")}
    return OmeImage(
        name=image.get("Name", ""),
        width=size["X"],
        height=size["Y"],
        n_frames=size["T"],
        n_slices=size["Z"],
        n_channels=size["C"],
        order=order,
        runs=tuple(_parse_run(data) for data in _find(pixels, "TiffData")),
        scale=_read_scale(pixels),
        has_modulo=bool(references & modulo),
    )


def _parse_run(data: ElementTree.Element) -> PageRun:
    has_page = "IFD" in data.attrib
    # All pages belong here where neither a page nor a number of pages is named.
    count = data.get("PlaneCount", data.get("NumPlanes", "1" if has_page else ""))
    uuid = next(_find(data, "UUID"), None)
    return PageRun(
        uuid="" if uuid is None else (uuid.text or "").strip(),
        file="" if uuid is None else uuid.get("FileName", ""),
        page=int(data.get("IFD", 0)),
        n_pages=int(count) if count else None,
        start=(
            int(data.get("FirstT", 0)), int(data.get("FirstZ", 0)), int(data.get("FirstC", 0))
        ),
    )  # fmt: skip


def _read_scale(pixels: ElementTree.Element) -> Scale:
    scale = Scale()
    scale.take_size(
        pixels.get("PhysicalSizeX"),
        _convert_to_unit_of_x(pixels),
        pixels.get("PhysicalSizeXUnit", "µm"),
        "OME-XML PhysicalSizeX",
    )
    channels = list(_find(pixels, "Channel"))
    if all(channel.get("Name") for channel in channels):
        scale.channel_names = tuple(channel.get("Name", "") for channel in channels)
    if int(pixels.get("SizeT", 1)) > 1:
        _read_interval(pixels, scale)
    return scale


def _convert_to_unit_of_x(pixels: ElementTree.Element) -> float | None:
    y = pixels.get("PhysicalSizeY")
    unit_x = convert_length(1, pixels.get("PhysicalSizeXUnit", "µm"))
    unit_y = convert_length(1, pixels.get("PhysicalSizeYUnit", "µm"))
    if y is None or unit_x is None or unit_y is None:
        return None
    try:
        return float(y) * unit_y / unit_x
    except ValueError:
        return None


def _read_interval(pixels: ElementTree.Element, scale: Scale) -> None:
    """TimeIncrement, or the even steps of the times of planes; neither where they disagree."""
    said = Scale()
    said.take_interval(
        pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"), "OME-XML TimeIncrement"
    )
    measured = Scale()
    times: dict[int, float] = {}
    for plane in _find(pixels, "Plane"):
        minutes = _to_minutes(plane)
        if plane.get("TheZ", "0") == plane.get("TheC", "0") == "0" and minutes is not None:
            times[int(plane.get("TheT", 0))] = minutes
    if len(times) == max(times, default=-1) + 1:
        measured.take_times([times[t] for t in sorted(times)], "OME-XML DeltaT of planes")
    if said.frame_interval_min is not None and measured.frame_interval_min is not None:
        ratio = said.frame_interval_min / measured.frame_interval_min
        if not np.isclose(ratio, 1, rtol=0.2):
            scale.notes.append(
                f"frame interval unknown: OME-XML TimeIncrement says {said.frame_interval_min:g} "
                f"min, the times of planes say {measured.frame_interval_min:g} min; it can be "
                "given in the column 'frame_interval_min'"
            )
            return
    better = said if said.frame_interval_min is not None else measured
    scale.frame_interval_min = better.frame_interval_min
    scale.frame_interval_source = better.frame_interval_source
    if better.frame_interval_min is None:
        scale.notes += said.notes or measured.notes


def _to_minutes(plane: ElementTree.Element) -> float | None:
    delta = plane.get("DeltaT")
    factor = convert_time(1, plane.get("DeltaTUnit", "s"))
    try:
        # A first plane at 0 is a time like any other.
        return None if delta is None or factor is None else float(delta) * factor
    except ValueError:
        return None

"""OME-Zarr (OME-NGFF 0.1 to 0.6): images, sets of images by bioformats2raw, plates, wells.

https://ngff.openmicroscopy.org has the specification. Metadata are small JSON files, which are
read here; zarr opens the arrays.
"""

import json
import math
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import zarr
from zarr.errors import UnknownCodecError
from zarr.storage import LocalStore, WrapperStore, ZipStore

from autonuclei.errors import InputError
from autonuclei.io.files import ZARR_METADATA
from autonuclei.io.formats.base import (
    LARGEST_PIECE_PX,
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    Window,
    convert_length,
    convert_time,
    explain_damage,
)

ZIP_SUFFIXES = (".ozx", ".zip")

# A folder on disk, or one in a zip file.
_Folder = Path | zipfile.Path

_KNOWN_VERSION = re.compile(r"0\.[1-6](?!\d)")
_AXIS_OF_TYPE = {"time": "t", "channel": "c"}
_UNUSED = "-"  # an axis of length one that is none of t, c, z, y, x
# Chunks that hold several planes are kept up to this size for the planes that are read next.
_LARGEST_BLOCK = 2**27


@dataclass(frozen=True)
class _Node:
    """A zarr group or array: what its metadata say of OME, and its folder."""

    folder: _Folder
    is_array: bool
    ome: Mapping[str, Any]


@dataclass(frozen=True)
class _Source:
    """Where the pixels of an image are: its array, and a letter for each of its axes."""

    folder: _Folder
    axes: str


@dataclass(frozen=True)
class _Described:
    """What OME-XML beside the images says of one of them."""

    name: str
    width_um: float | None
    height_um: float | None


class OmeZarrFile(ImageFile):
    """An OME-Zarr folder, or one packed into a zip file.

    Positions are the images of a set, the fields of a plate ("B/03/0") or of a well, and the
    entries of `multiscales` where there are several. Of each the full resolution is read.
    Label images beneath an image are told, not read.

    Parameters
    ----------
    path
        The folder or zip file. The folder of one image of a set, of a well or of a field will
        do as well.

    Raises
    ------
    InputError
        There is no image, it is damaged, or of a version, codec or axes that are not supported.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip: ZipStore | None = None
        self._sources: list[_Source] = []
        self._notes: dict[str, None] = {}
        # Fields of a plate have the same metadata: what they mean is found once.
        self._arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self._open_array: tuple[int, Any] | None = None
        self._block: tuple[Any, Array] | None = None
        with explain_damage(path):
            try:
                images = tuple(self._list_headers())
            except BaseException:
                self.close()
                raise
        self.header = FileHeader(images, (str(path),), tuple(self._notes))

    def get_axes(self, image: int) -> str:
        """The axes of the array of an image, out of t, c, z, y and x in the order of the file."""
        return self._sources[image].axes.replace(_UNUSED, "")

    def close(self) -> None:
        """Let go of the file."""
        if self._zip is not None:
            self._zip.close()
        self._open_array = self._block = None

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        """One plane; see `ImageFile.read`."""
        header = self.header.images[image]
        whole = (0, header.height, 0, header.width)
        return self.read_window(image, whole, frame=frame, z=z, channel=channel)

    def read_window(self, image: int, window: Window, *, frame: int, z: int, channel: int) -> Array:
        """Part of a plane, from the chunks that it lies in."""
        header = self.header.images[image]
        if self._open_array is None or self._open_array[0] != image:
            self._open_array = (image, self._open(self._sources[image].folder))
        array, axes = self._open_array[1], self._sources[image].axes
        place = {"t": frame, "z": z, "c": channel, _UNUSED: 0}
        is_part = window != (0, header.height, 0, header.width)
        piece = [n for axis, n in zip(axes, array.chunks, strict=True) if axis in "yx"]
        if is_part and math.prod(piece) > LARGEST_PIECE_PX:
            return super().read_window(image, window, frame=frame, z=z, channel=channel)
        row, end_row, column, end_column = window
        part = {"y": slice(row, end_row), "x": slice(column, end_column)}
        # Along the axes of the plane the window is taken, of the others the chunk it is in.
        sizes = [None if axis in "yx" else n for axis, n in zip(axes, array.chunks, strict=True)]
        chunk = tuple(
            part[axis] if n is None else slice(place[axis] // n * n, (place[axis] // n + 1) * n)
            for axis, n in zip(axes, sizes, strict=True)
        )
        n_planes = math.prod(n or 1 for n in sizes)
        n_pixels = (end_row - row) * (end_column - column)
        if n_pixels * array.dtype.itemsize * n_planes > _LARGEST_BLOCK:
            plane = array[tuple(part[axis] if axis in part else place[axis] for axis in axes)]
        else:
            if self._block is None or self._block[0] != (image, chunk):
                self._block = ((image, chunk), np.asarray(array[chunk]))
            plane = self._block[1][
                tuple(
                    slice(None) if n is None else place[axis] % n
                    for axis, n in zip(axes, sizes, strict=True)
                )
            ]
        if axes.index("x") < axes.index("y"):
            plane = plane.T
        return np.array(plane, dtype=header.dtype, order="C")

    # What is in it

    def _list_headers(self) -> Iterator[ImageHeader]:
        for name, node, known in self._list_images(self._read_root()):
            if "multiscales" not in node.ome:
                raise ValueError(f"the metadata of {name} do not describe an image")
            entries = node.ome["multiscales"]
            for number, entry in enumerate(entries):
                words = [name, str(entry.get("name") or number) if len(entries) > 1 else ""]
                yield self._read_header("/".join(filter(None, words)), node, entry, known)

    def _read_root(self) -> _Node:
        root: _Folder = self._path
        if self._path.suffix.lower() in ZIP_SUFFIXES:
            root = zipfile.Path(self._path)
            inside = list(root.iterdir())
            # Often the folder itself was packed, not what is in it.
            if len(inside) == 1 and inside[0].is_dir():
                root = inside[0]
            self._zip = ZipStore(self._path, mode="r")
        node = _read_node(root)
        if node is None:
            raise InputError(
                f"{self._path}: holds no zarr metadata (zarr.json or .zattrs). If it is an "
                "OME-Zarr, its copy is not complete: copy it again from its source."
            )
        return node

    def _list_images(self, root: _Node) -> Iterator[tuple[str, _Node, _Described | None]]:
        """Name and node of each image in the group that was asked for."""
        ome = {} if root.is_array else root.ome
        if "plate" in ome:
            self._check_version(ome, ome["plate"])
            yield from self._list_fields(
                root, [str(well["path"]) for well in ome["plate"]["wells"]]
            )
        elif "well" in ome:
            # Named as the plate around it would name them.
            row_and_column = "/".join(self._path.absolute().parts[-2:])
            for name, node, known in self._list_fields(root, [""]):
                yield f"{row_and_column}/{name}", node, known
        elif "multiscales" in ome:
            yield "", root, None
        elif not root.is_array and _is_set(root):
            paths, described = _list_series(root), _read_xml(root)
            nodes = _read_nodes(root.folder, paths)
            if not nodes or len(nodes) < len(paths):
                raise self._refuse_missing([path for path in paths if path not in nodes] or ["0"])
            for number, path in enumerate(paths):
                known = described[number] if len(described) == len(paths) else None
                name = known.name if known is not None and known.name else path
                # The sheet counts positions from 1: "1" must not mean the second one.
                yield "" if name.isdecimal() else name, nodes[path], known
        else:
            raise self._explain_no_image(root)

    def _list_fields(self, root: _Node, wells: Sequence[str]) -> Iterator[tuple[str, _Node, None]]:
        """Path and node of the fields of some wells; those that are not there are told."""
        n_fields, missing = 0, []
        for path in wells:
            well = _read_node(root.folder / path) if path else root
            if well is None:
                missing.append(path)
                continue
            if "well" not in well.ome:
                raise ValueError(f"the metadata of the well {path} are missing")
            for field in well.ome["well"]["images"]:
                name = "/".join(filter(None, (path, str(field["path"]))))
                node = _read_node(root.folder / name)
                if node is None:
                    missing.append(name)
                else:
                    n_fields += 1
                    yield name, node, None
        if n_fields == 0:
            raise self._refuse_missing(missing)
        if missing:
            self._note(
                f"{len(missing)} wells or fields are named in the metadata of the plate and not "
                f"there: {_join_some(missing)}"
            )

    def _refuse_missing(self, missing: Sequence[str]) -> InputError:
        return InputError(
            f"{self._path}: {_join_some(missing)}, named in its metadata, {_are(missing)} not "
            "there, it is damaged or its copy is not complete. Copy it again from its source."
        )

    def _explain_no_image(self, node: _Node) -> InputError:
        """Say what the folder is instead, and what to give."""
        path = self._path
        outer = _find_outer(path) if node.folder is path else None
        if "labels" in node.ome:
            inner = [str(path / name) for name in node.ome["labels"]]
            image = f" The image is {outer}." if outer else ""
            return InputError(
                f"{path}: is the list of the label images of an OME-Zarr image, not an image. "
                f"Masks are given as {_join_some(inner)}.{image}"
            )
        if outer is not None:
            kind = "an array" if node.is_array else "a group"
            return InputError(
                f"{path}: is {kind} inside of the OME-Zarr {outer}, not an image. Give {outer}."
            )
        if node.is_array:
            return InputError(
                f"{path}: is a zarr array without OME metadata; nothing says which axis is time, "
                "channel or z. Save it as OME-Zarr (e.g. with ngff-zarr) or as OME-TIFF."
            )
        inner = [str(path / child) for child in _list_inner(node.folder)]
        if inner:
            return InputError(
                f"{path}: is a zarr group that holds images and does not list them. Give one: "
                f"{_join_some(inner)}."
            )
        return InputError(
            f"{path}: is zarr without the metadata of OME-Zarr (multiscales, plate or "
            "bioformats2raw.layout). Save it as OME-Zarr (e.g. with ngff-zarr) or as OME-TIFF."
        )

    # One image

    def _read_header(
        self, name: str, node: _Node, entry: Mapping[str, Any], known: _Described | None
    ) -> ImageHeader:
        where = f"{self._path}: {name}: " if name else f"{self._path}: "
        self._check_version(node.ome, entry)
        levels = [node.folder / level["path"].strip("/") for level in entry["datasets"]]
        shape, dtype = self._describe_array(where, levels[0])
        if dtype.kind not in "buif":
            raise InputError(
                f"{where}has pixels of type {dtype}, which is no grey value. Save it as 8 or 16 "
                "bit."
            )
        axes, units = _find_axes(where, entry, shape)
        is_there = _read_array_text(levels[-1]) is not None
        if is_there and self._describe_array(where, levels[-1])[0] > shape:
            raise InputError(
                f"{where}its resolutions are listed from small to large, against the "
                "specification. Export it again."
            )
        self._sources.append(_Source(levels[0], axes))
        sizes = dict(zip(axes, shape, strict=True))
        scale = _find_scale(entry, len(axes))
        n_frames, n_channels = sizes.get("t", 1), sizes.get("c", 1)
        steps = dict(zip(axes, scale, strict=True)) if scale else {}
        width = convert_length(steps.get("x"), units["x"])
        height = convert_length(steps.get("y"), units["y"])
        source = "OME-Zarr coordinateTransformations"
        if width is None and known is not None and known.width_um is not None:
            width, height, source = known.width_um, known.height_um, "OME-XML PhysicalSizeX"
        self._note_labels(node)
        for axis, what in (("x", width), ("t", convert_time(steps.get("t"), units.get("t", "")))):
            step = steps.get(axis)
            if what is None and step not in (None, 1) and sizes[axis] > 1:
                unit = f"of the unknown unit '{units[axis]}'" if units[axis] else "without a unit"
                self._note(f"the scale {step} of axis {axis} is {unit} and was not taken")
        interval = convert_time(steps.get("t"), units.get("t", "")) if n_frames > 1 else None
        channels = (node.ome.get("omero") or {}).get("channels") or []
        labels = tuple(str(channel["label"]) for channel in channels if channel.get("label"))
        if all(map(str.isdecimal, labels)):
            labels = ()  # numbers from 0, while the sheet counts from 1
        return ImageHeader(
            height=sizes["y"],
            width=sizes["x"],
            dtype=dtype.newbyteorder("=").name,
            n_frames=n_frames,
            n_slices=sizes.get("z", 1),
            n_channels=n_channels,
            position=name,
            channel_names=labels if len(labels) == n_channels else (),
            pixel_size_um=width,
            pixel_height_um=height,
            pixel_size_source=source if width is not None else "",
            frame_interval_min=interval,
            frame_interval_source="OME-Zarr coordinateTransformations" if interval else "",
        )

    def _check_version(self, ome: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        version = ome.get("version") or entry.get("version")
        if version is not None and not _KNOWN_VERSION.match(str(version)):
            raise InputError(
                f"{self._path}: is OME-Zarr of version {version}; 0.1 to 0.6 can be read. Export "
                "it as 0.4 or 0.5."
            )

    def _note(self, line: str) -> None:
        self._notes[line] = None

    def _note_labels(self, node: _Node) -> None:
        if "image-label" in node.ome:
            self._note("is a label image")
        labels = _read_node(node.folder / "labels")
        for label in labels.ome.get("labels", []) if labels else []:
            self._note(f"holds the label image '{label}' as well, which is not read")

    def _describe_array(self, where: str, folder: _Folder) -> tuple[tuple[int, ...], np.dtype[Any]]:
        text = _read_array_text(folder)
        if text is None:
            raise InputError(
                f"{where}its array '{folder.name}' is missing, it is damaged or its copy is not "
                "complete. Copy it again from its source."
            )
        if text not in self._arrays:
            try:
                array = self._open(folder)
            except UnknownCodecError as error:
                raise InputError(
                    f"{where}its pixels are compressed in a way that is not supported "
                    f"({_get_line(error)}). Export it with zstd, blosc or gzip."
                ) from error
            except (ValueError, TypeError, NotImplementedError) as error:
                json.loads(text)  # which fails where the file is damaged
                raise InputError(
                    f"{where}its array '{folder.name}' is of a kind that is not supported "
                    f"({_get_line(error)}). Export it with another program as OME-Zarr 0.4."
                ) from error
            self._arrays[text] = (tuple(array.shape), np.dtype(array.dtype))
            stored = json.loads(text)
            if "dimension_separator" not in stored and stored["zarr_format"] == 2:
                _check_nesting(where, folder)
        return self._arrays[text]

    def _open(self, folder: _Folder) -> Any:
        stored = json.loads(_read_array_text(folder) or "{}")
        if isinstance(folder, Path):
            store, path = LocalStore(folder, read_only=True), ""
        else:
            store, path = self._zip, folder.at.rstrip("/")
        checked = _CheckedStore(store, is_blosc=_is_blosc(stored))
        return zarr.open_array(
            store=checked, path=path, mode="r", zarr_format=stored.get("zarr_format")
        )


class _CheckedStore(WrapperStore):  # type: ignore[misc]
    """A store that refuses chunks which were cut off.

    Blosc decodes whatever lies behind the end of a chunk that was cut off, and an empty shard is
    taken for a missing one, which means black.
    """

    def __init__(self, store: Any, *, is_blosc: bool) -> None:
        super().__init__(store)
        self._is_blosc = is_blosc

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """The bytes of a file in the store."""
        return self._check(key, await self._store.get(key, prototype, byte_range), byte_range)

    def get_sync(self, key: str, *, prototype: Any = None, byte_range: Any = None) -> Any:
        """As `get`; later releases of zarr may ask this way."""
        value = self._store.get_sync(key, prototype=prototype, byte_range=byte_range)
        return self._check(key, value, byte_range)

    def _check(self, key: str, value: Any, byte_range: Any) -> Any:
        if value is None or key.endswith(ZARR_METADATA):
            return value
        is_cut = len(value) == 0
        if self._is_blosc and byte_range is None and not is_cut:
            # Bytes 12 to 15 of the header of a Blosc chunk are its length.
            stated = int.from_bytes(value.to_bytes()[12:16], "little")
            is_cut = len(value) < max(16, stated)
        if is_cut:
            raise ValueError(f"the chunk {key} is cut off")
        return value


def _is_blosc(stored: Mapping[str, Any]) -> bool:
    """Whether the files of the chunks of an array are Blosc's, from its metadata."""
    if stored.get("zarr_format") == 2:
        return bool((stored.get("compressor") or {}).get("id") == "blosc")
    codecs = stored.get("codecs") or [{}]
    return isinstance(codecs[-1], dict) and codecs[-1].get("name") in ("blosc", "numcodecs.blosc")


# Metadata


def _read_text(file: _Folder) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _read_array_text(folder: _Folder) -> str | None:
    return _read_text(folder / "zarr.json") or _read_text(folder / ".zarray")


def _read_json(file: _Folder) -> Any:
    text = _read_text(file)
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        raise ValueError(f"{file.name} in {file.parent}: {error}") from error


def _read_node(folder: _Folder) -> _Node | None:
    """The metadata of a folder; None where it is no zarr."""
    stored = _read_json(folder / "zarr.json")
    if stored is not None:
        attributes = stored.get("attributes", {})
        is_array = stored["node_type"] == "array"
    else:
        found = _read_json(folder / ".zattrs")
        is_array = (folder / ".zarray").exists()
        if found is None and not is_array and not (folder / ".zgroup").exists():
            return None
        attributes = found or {}
    # From version 0.5 on all of OME's metadata are under this key.
    return _Node(folder, is_array, attributes.get("ome", attributes))


def _read_nodes(folder: _Folder, paths: Sequence[str]) -> dict[str, _Node]:
    """The nodes of those paths that are there."""
    nodes = {path: _read_node(folder / path) for path in paths}
    return {path: node for path, node in nodes.items() if node is not None}


def _is_set(root: _Node) -> bool:
    return "bioformats2raw.layout" in root.ome or (
        (root.folder / "OME" / "METADATA.ome.xml").exists()
    )


def _list_series(root: _Node) -> list[str]:
    """Paths of the images of a set, in their order: listed, or numbered from 0."""
    listed = _read_node(root.folder / "OME")
    if listed is not None and "series" in listed.ome:
        return [str(path) for path in listed.ome["series"]]
    n = 0
    while _read_node(root.folder / str(n)) is not None:
        n += 1
    return [str(number) for number in range(n)]


def _read_xml(root: _Node) -> list[_Described]:
    """What OME-XML says of each image of a set."""
    text = _read_text(root.folder / "OME" / "METADATA.ome.xml")
    described = []
    for image in ElementTree.fromstring(text).iterfind("{*}Image") if text else ():
        pixels = image.find("{*}Pixels")
        sizes = {} if pixels is None else pixels.attrib
        width, height = (
            convert_length(
                sizes.get(f"PhysicalSize{axis}"), sizes.get(f"PhysicalSize{axis}Unit", "µm")
            )
            for axis in "XY"
        )
        described.append(_Described(image.get("Name", ""), width, height))
    return described


def _find_outer(path: Path) -> Path | None:
    """The nearest folder around this one that holds an image, a plate or a set of images."""
    for folder in path.absolute().parents:
        node = _read_node(folder)
        if node is None:
            return None
        if {"multiscales", "plate", "well"} & set(node.ome) or _is_set(node):
            return folder
    return None


def _list_inner(folder: _Folder) -> list[str]:
    """Names of the images, plates or sets of images directly in a folder."""
    inner = []
    children: list[_Folder] = list(folder.iterdir())
    for child in children:
        node = _read_node(child) if child.is_dir() else None
        if node is not None and ({"multiscales", "plate"} & set(node.ome) or _is_set(node)):
            inner.append(child.name)
    return sorted(inner)


def _find_axes(
    where: str, entry: Mapping[str, Any], shape: Sequence[int]
) -> tuple[str, dict[str, str]]:
    """A letter for each axis of the array, and the units of the axes by letter."""
    listed = entry.get("axes")
    if listed is None and "coordinateSystems" in entry:
        listed = _find_intrinsic(entry)["axes"]
    if listed is None:
        # The first two versions had these five axes only.
        if str(entry.get("version", "0.2")) not in ("0.1", "0.2") or len(shape) != 5:
            raise InputError(
                f"{where}its metadata do not name the axes of its {len(shape)} dimensions. Export "
                "it as OME-Zarr 0.4 or 0.5."
            )
        listed = ["t", "c", "z", "y", "x"]
    if len(listed) != len(shape):
        raise InputError(
            f"{where}its metadata name {len(listed)} axes, but its array has {len(shape)} "
            "dimensions. Export it again."
        )
    letters, units = "", {}
    for axis, size in zip(listed, shape, strict=True):
        if isinstance(axis, str):  # version 0.3
            axis = {"name": axis}
        name = str(axis["name"]).lower()
        letter = _AXIS_OF_TYPE.get(axis.get("type"), name)
        if letter not in ("t", "c", "z", "y", "x") and size == 1:
            letter = _UNUSED
        elif letter not in ("t", "c", "z", "y", "x") or letter in letters:
            raise InputError(
                f"{where}has the axis '{axis['name']}' of length {size}; only one each of t, c, "
                "z, y and x can be read. Export it with these axes."
            )
        letters += letter
        units[letter] = str(axis.get("unit") or "")
    if not {"x", "y"} <= set(letters):
        raise InputError(
            f"{where}has the axes {', '.join(letters)}; y and x are needed. Export it with them."
        )
    return letters, units


def _find_intrinsic(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of version 0.6 the coordinate system that the array itself is in."""
    output = entry["datasets"][0]["coordinateTransformations"][0]["output"]
    name = output["name"] if isinstance(output, dict) else output
    (system,) = (one for one in entry["coordinateSystems"] if one["name"] == name)
    return dict(system)


def _find_scale(entry: Mapping[str, Any], n_axes: int) -> list[float] | None:
    """Units per pixel along each axis; None where more than scaling leads to them."""
    scale = [1.0] * n_axes
    steps = list(entry["datasets"][0].get("coordinateTransformations") or [])
    if "coordinateSystems" not in entry:
        steps += entry.get("coordinateTransformations") or []
    elif entry.get("coordinateTransformations"):
        # Version 0.6 leads on to other systems here, each with a scale of its own.
        return None
    while steps:
        step = steps.pop()
        if step["type"] == "sequence":
            steps += step["transformations"]
        elif step["type"] == "scale" and len(step.get("scale", [])) == n_axes:
            scale = [before * float(now) for before, now in zip(scale, step["scale"], strict=True)]
        elif step["type"] not in ("translation", "identity"):
            return None
    return scale


def _check_nesting(where: str, folder: _Folder) -> None:
    """Refuse chunks in folders of which the metadata do not tell: zarr sees none of them."""
    names = {child.name for child in folder.iterdir() if child.is_dir()}
    if any(name.isdecimal() for name in names):
        raise InputError(
            f"{where}its chunks lie in folders, which '{folder.name}/.zarray' does not say. Add "
            '"dimension_separator": "/" to that file, or export it again.'
        )


def _get_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _join_some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")

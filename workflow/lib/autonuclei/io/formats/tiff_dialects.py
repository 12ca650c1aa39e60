"""Where the dialects of TIFF keep the pages of their images, and what their axes are called."""

import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autonuclei.io.formats.tiff_files import Place, TiffFiles, check_planned
from autonuclei.io.formats.tiff_metadata import Scale, read_scale
from autonuclei.io.formats.tiff_pages import PageChain, PageEntry

# tifffile's names of dialects, in the order in which it asks for them.
_DIALECTS = (
    "shaped", "lsm", "mmstack", "ome", "imagej", "ndtiff", "fluoview", "stk", "sis", "svs", "scn",
    "qpi", "bif", "avs", "philips", "scanimage", "mdgel",
)  # fmt: skip
_SIDE_PICTURES = ("Thumbnail", "Label", "Macro", "Map")


@dataclass(frozen=True)
class Found:
    """An array of pages with the letters that the dialect has for its axes.

    Pages are places, or pages of tifffile where it mends their entries; None was not recorded.
    `offset` is the place of the pixels where all lie behind each other without pages of their own.
    `scale` is that of this image, where each has its own.
    """

    axes: str
    shape: tuple[int, ...]
    pages: Sequence[Any]
    name: str = ""
    scale: Scale | None = None
    offset: int | None = None
    transform: Any = None


def find_dialect(tif: Any) -> str:
    """The name that tifffile has for the kind of a file; empty for plain TIFF."""
    for name in _DIALECTS:
        if getattr(tif, f"is_{name}"):
            summary = (tif.micromanager_metadata or {}).get("Summary") or {}
            if name == "mmstack" and not {"MicroManagerVersion", "Frames"} <= set(summary):
                continue  # some plugins of Micro-Manager write an index of another kind
            return name
    return ""


def find_images(files: TiffFiles, tif: Any, dialect: str) -> list[Found]:
    """Find the images of a file of any dialect but OME.

    Raises
    ------
    InputError
        The file is sound, but its axes cannot be told, or files of its set are missing.
    ValueError
        The file is damaged.
    """
    chain = files.list_pages(files.path)
    if dialect == "shaped":
        return _find_shaped(files, chain)
    if dialect == "imagej":
        return [_find_imagej(files, tif, chain)]
    if dialect:
        return _find_series(files, tif, dialect)
    found = find_plain(files)
    if len(chain.pages) > 1:
        if tif.is_micromanager:
            _refuse_lost_index(files, tif)
        if tif.is_metaseries:
            found = [_name_metaseries_axis(files, one) for one in found]
        _refuse_unknown_pages(files, tif.pages.first)
    return found


def find_plain(files: TiffFiles) -> list[Found]:
    """Take pages without a dialect: those of one kind are one image."""
    chain = files.list_pages(files.path)
    full = [page for page in chain.pages if not page.subfile & 5]
    small = [page for page in chain.pages if page.subfile & 5]
    if not full:  # some writers mark all pages
        full, small = small, []
        if full[0].has_children:
            raise files.refuse(
                "shows only a preview in its page, as raw files of cameras do. Save the image "
                "itself as TIFF in the program of the camera"
            )
    groups: dict[tuple[int, ...], list[PageEntry]] = {}
    for page in full:
        groups.setdefault(page.kind, []).append(page)
    first, *others = groups.values()
    levels = [first]
    for group in list(others):
        if _is_level(levels[-1], group):
            levels.append(group)
            others.remove(group)
    small += [page for level in levels[1:] for page in level]
    _note_left_out(files, "smaller copies or masks", small)
    if any(page.has_children for page in full):
        files.note("left out: the smaller copies in SubIFDs")
    numbers = {page.offset: number for number, page in enumerate(chain.pages)}
    return [
        _stack_pages(
            files, [Place(files.path, numbers[page.offset], page.offset) for page in group], "I"
        )
        for group in (first, *others)
    ]


def _note_left_out(files: TiffFiles, what: str, pages: Iterable[PageEntry]) -> None:
    sizes = dict.fromkeys(f"{page.width} x {page.height}" for page in pages)
    if sizes:
        files.note(f"left out: {what} of {', '.join(sizes)} pixels")


def _stack_pages(
    files: TiffFiles, places: Sequence[Place | None], axes: str, shape: Sequence[int] = ()
) -> Found:
    """Pages behind each other along axes of their own."""
    first = files.load(next(place for place in places if place is not None))
    shape = tuple(shape) or (len(places),)
    return Found(axes + first.axes, (*shape, *first.shape), places)


def _find_shaped(files: TiffFiles, chain: PageChain) -> list[Found]:
    """What tifffile writes: a shape, perhaps with axes, in the first page of each series."""
    found: list[Found] = []
    number = 0
    text = b""
    while number < len(chain.pages):
        entry = chain.pages[number]
        # Frames written one by one all have the same text: understood once.
        if number and text and text == _read_text(files, entry) and len(found[-1].pages) == 1:
            place = Place(files.path, number, entry.offset)
            found.append(replace(found[-1], pages=[place]))
            number += 1
            continue
        text = _read_text(files, entry)
        page = files.load(Place(files.path, number, entry.offset))
        if page.shaped_description is None:
            if number == 0 or any(len(one.pages) > 1 for one in found) or found[0].offset:
                raise files.refuse(
                    f"was written by tifffile and changed since: page {number + 1} has no "
                    "shape. Save it again with its axes"
                )
            return find_plain(files)
        said = _parse_shaped(page.shaped_description)
        shape = tuple(int(n) for n in said["shape"])
        n_pages, rest = divmod(math.prod(shape), math.prod(page.shape))
        if rest or n_pages < 1:
            raise ValueError(f"its shape {shape} does not fit its pages of {page.shape}")
        axes = str(said.get("axes", ""))
        if len(axes) != len(shape):
            axes = _name_axes(shape, page)
        places = [
            Place(files.path, number + i, one.offset)
            for i, one in enumerate(chain.pages[number : number + n_pages])
        ]
        offset = None
        if n_pages > 1 and (said.get("truncated") or len(places) < n_pages):
            if not page.is_final:
                raise ValueError(f"it claims {n_pages} pages, but has {len(chain.pages)}")
            offset, places, n_pages = page.dataoffsets[0], places[:1], 1
        if entry.subfile & 1 and found:
            _note_left_out(files, "smaller copies", [entry])
        else:
            name = str(said.get("name", ""))
            found.append(Found(axes, shape, places, name=name, offset=offset))
        if entry.has_children:
            files.note("left out: the smaller copies in SubIFDs")
        number += n_pages
    return _merge_equal(found)


def _read_text(files: TiffFiles, entry: PageEntry) -> bytes:
    """The description of a page, as it stands in the file."""
    with files.path.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), entry.text_size, entry.text_offset)


def _find_imagej(files: TiffFiles, tif: Any, chain: PageChain) -> Found:
    """The hyperstack of ImageJ: order of axes T, Z, C, unless it says another."""
    page, n_pages = tif.pages.first, len(chain.pages)
    meta = tif.imagej_metadata or {}
    size = {
        axis: int(meta.get(key, 1))
        for axis, key in (("T", "frames"), ("Z", "slices"), ("C", "channels"))
    }
    if min(size.values()) < 1:
        raise ValueError("its header of ImageJ counts no images")
    order = "".join(reversed(str(meta.get("order", "czt")).upper()))
    order = order if sorted(order) == ["C", "T", "Z"] else "TZC"
    n_images = math.prod(size.values())
    if page.samplesperpixel == size["C"] > 1 and n_pages * size["C"] == n_images:
        # Channels that lie together in a page, as Bio-Formats writes them.
        size["C"], n_images = 1, n_pages
    if n_images == 1 < n_pages:
        order, size, n_images = "I", {"I": n_pages}, n_pages
    places = [Place(files.path, i, one.offset) for i, one in enumerate(chain.pages)]
    shape = [size[axis] for axis in order]
    if n_images == n_pages:
        return _stack_pages(files, places, order, shape)
    end = page.dataoffsets[0] + n_images * page.nbytes if page.is_final else math.inf
    if end <= (chain.pages[1].offset if n_pages > 1 else tif.filehandle.size):
        # Beyond 4 GB ImageJ writes one page and all pixels behind each other.
        found = _stack_pages(files, places[:1], order)
        return replace(found, shape=(*shape, *page.shape), offset=page.dataoffsets[0])
    counts = f"its header of ImageJ counts {n_images} images, but it has {n_pages} pages"
    if n_pages > n_images:
        raise files.refuse(f"{counts}: it was changed since. Save it again in Fiji")
    raise ValueError(f"{counts}: it is truncated")


def _find_series(files: TiffFiles, tif: Any, dialect: str) -> list[Found]:
    """Dialects whose axes and pages tifffile knows."""
    if dialect == "bif":
        raise files.refuse(
            "is a slide of Ventana, whose tiles overlap and cannot be joined here. Save the part "
            "with the nuclei as TIFF in the program of the scanner"
        )
    n_there = len(files.list_pages(files.path).pages)
    if dialect == "mmstack":
        sizes = np.asarray(tif.micromanager_metadata["IndexMap"])[:, :4].max(axis=0) + 1.0
        check_planned(int(sizes.prod()), n_there)
    try:
        series = tif.series
    except FileNotFoundError as error:
        missing = os.path.basename(error.filename or "")  # noqa: PTH119
        raise files.refuse(
            f"belongs to a set of files of which '{missing}' is missing. Put it beside"
        ) from error
    found = []
    for one in series:
        if one.dataoffset is None:
            check_planned(len(one), n_there)
        if one.name in _SIDE_PICTURES or (dialect == "lsm" and one.keyframe.is_reduced):
            files.note(f"left out: {one.name or 'thumbnails'}, {_list_size(one)} pixels")
        else:
            found.append(_take_series(files, one, tif, dialect))
    return found


def _take_series(files: TiffFiles, series: Any, tif: Any, dialect: str) -> Found:
    """The pages of a series of tifffile, with axes mended where it cannot tell them."""
    axes, shape = series.get_axes(False), tuple(series.get_shape(False))
    if series.kind in ("generic", "uniform") and len(series) > 1:
        # The entries of the dialect could not be understood.
        raise files.refuse(
            f"has {len(series)} pages whose axes cannot be told ({dialect}). Save it as "
            "hyperstack in Fiji, or as OME-TIFF"
        )
    offset = series.dataoffset
    if dialect == "stk":
        axes, shape = _find_stk_axes(files, tif.stk_metadata or {}, axes, shape)
        if offset is None and len(series) != math.prod(shape[:-2]):
            raise files.refuse("is a compressed stack of MetaMorph. Save it uncompressed")
    if dialect == "scanimage":
        axes, shape = _find_scanimage_axes(files, tif, axes, shape)
    pages: list[Any] = [_place(files, page, dialect) for page in series]
    if offset is not None:
        pages = pages[:1]
    elif dialect in ("mmstack", "ndtiff"):
        _list_members(files, pages)
    name = series.name if dialect == "scn" else ""
    if dialect == "mmstack" and not series.is_multifile:
        name = _name_lone_file(files, tif, dict(zip(axes, shape, strict=True)))
    if series.is_pyramidal:
        files.note("left out: the smaller copies of the image (pyramid)")
    return Found(
        axes, shape, pages, name=name, offset=offset, transform=series.transform
    )  # fmt: skip


def _place(files: TiffFiles, page: Any, dialect: str) -> Any:
    """The place of a page of tifffile; None where nothing was recorded."""
    if page is None or not page.dataoffsets or not page.dataoffsets[0]:
        return None
    # tifffile mends the entries of LSM files, and finds planes of NDTiff by its index.
    if dialect in ("lsm", "ndtiff"):
        return page
    path = Path(page.parent.filehandle.path)
    path = files.path if path == files.path.absolute() else path
    return Place(path, page.index, page.offset)


def _list_members(files: TiffFiles, pages: Iterable[Any]) -> None:
    """Count the files of a set of Micro-Manager."""
    paths = {
        page.path if isinstance(page, Place) else Path(page.parent.filehandle.path)
        for page in pages
        if page is not None
    }
    files.add(sorted(paths))
    index = files.path.with_name("NDTiff.index")
    if index.exists():
        files.add([index])


def _find_stk_axes(
    files: TiffFiles, meta: dict[str, Any], axes: str, shape: tuple[int, ...]
) -> tuple[str, tuple[int, ...]]:
    """Axes of a MetaMorph stack; its planes may go through several wavelengths."""
    waves = np.round(np.asarray(meta.get("Wavelengths", ()), np.float64), 1).tolist()
    n, kinds = shape[0], list(dict.fromkeys(waves))
    if len(waves) != n or len(kinds) < 2:
        return axes, shape
    rounds = n // len(kinds)
    if waves == kinds * rounds:
        return f"{axes[0]}C{axes[1:]}", (rounds, len(kinds), *shape[1:])
    if waves == [kind for kind in kinds for _ in range(rounds)]:
        return f"C{axes}", (len(kinds), rounds, *shape[1:])
    raise files.refuse(
        "has planes of several wavelengths in no order that can be told. Save each "
        "wavelength as a stack of its own in MetaMorph"
    )


def _find_scanimage_axes(
    files: TiffFiles, tif: Any, axes: str, shape: tuple[int, ...]
) -> tuple[str, tuple[int, ...]]:
    """Axes of ScanImage; refuses what older versions and volumes do not tell."""
    if axes.startswith("I"):
        if shape[0] == 1:
            return axes, shape
        text = f"{tif.pages.first.software}\n{tif.pages.first.description}"
        saved = re.search(r"(?:OfChannelsSave|channelsSave|channelSave)\s*=\s*([^\r\n]*)", text)
        slices = re.search(r"(?:OfZSlices|stackNumSlices|\.numSlices)\s*=\s*(\d+)", text)
        if saved and saved[1].strip(" []") == "1" and slices and slices[1] == "1":
            return axes, shape
        raise files.refuse(
            "is of an older ScanImage, whose channels and slices are not told apart here. "
            "Save it as hyperstack in Fiji"
        )
    sizes = dict(zip(axes, shape, strict=True))
    frame_data = (tif.scanimage_metadata or {}).get("FrameData", {})
    n_volumes = frame_data.get("SI.hStackManager.numVolumes", 1)
    if n_volumes != 1 and sizes.get("Z", 1) > 1 and sizes.get("T", 1) == 1:
        # Volumes over time: tifffile counts their slices as one long z axis.
        n_slices = frame_data.get("SI.hStackManager.numSlices", 0)
        per_volume = frame_data.get("SI.hFastZ.numFramesPerVolume", n_slices) or n_slices
        if not per_volume or per_volume != n_slices or sizes["Z"] % n_slices:
            raise files.refuse(
                "holds volumes of ScanImage with pages between them (flyback). Save it as "
                "hyperstack in Fiji"
            )
        return "TZC" + axes[3:], (sizes["Z"] // n_slices, n_slices, *shape[2:])
    return axes, shape


def _name_lone_file(files: TiffFiles, tif: Any, sizes: dict[str, int]) -> str:
    """Position of a file of Micro-Manager that may be one of several, whose others are away."""
    meta = tif.micromanager_metadata
    summary = meta["Summary"]
    frame, position = meta["IndexMap"][:, 2:4].min(axis=0)
    if frame > 0:
        raise files.refuse(
            f"begins with time point {frame + 1}: it belongs to a set of files of "
            "Micro-Manager of which the first is missing. Put all files into one folder"
        )
    n_frames, n_positions = (int(summary.get(key, 1)) for key in ("Frames", "Positions"))
    if sizes["T"] < n_frames:
        files.note(f"{sizes['T']} of {n_frames} planned time points are in the file")
    if sizes["R"] >= n_positions:
        return ""
    files.note(f"{sizes['R']} of {n_positions} positions are in the file")
    names = read_scale(tif, "mmstack", tif.pages.first).position_names
    return names[position] if sizes["R"] == 1 and position < len(names) else ""


def _name_metaseries_axis(files: TiffFiles, found: Found) -> Found:
    """Whether pages of MetaSeries are z slices or time points; each says where it was taken."""
    texts = [files.load(place).description for place in found.pages]
    heights = [re.findall(r'id="z-position"[^>]*value="([^"]*)"', text) for text in texts]
    waves = {tuple(re.findall(r'id="_IllumSetting_"[^>]*value="([^"]*)"', text)) for text in texts}
    n_heights = len({tuple(height) for height in heights})
    if len(waves) > 1 or n_heights not in (1, len(texts)):
        raise files.refuse(
            f"has {len(texts)} pages of several wavelengths or z positions (MetaSeries), whose "
            "order cannot be told. Save it as hyperstack in Fiji"
        )
    return replace(found, axes="Z" + found.axes[1:]) if n_heights > 1 else found


def _refuse_unknown_pages(files: TiffFiles, page: Any) -> None:
    """Refuse stacks of programs whose pages may be channels, which only they can tell."""
    program = ""
    if 65332 in page.tags or 65333 in page.tags:
        program = "NIS-Elements"
    elif page.description.startswith("Improvision"):
        program = "Improvision"
    elif page.description.startswith("Created by Hamamatsu Inc."):
        program = "SimplePCI"
    elif '"mibi.' in page.description:
        program = "MIBI"
    if program:
        raise files.refuse(
            f"is a stack of {program} whose pages may be channels, slices or time points, which "
            "cannot be told here. Save it as hyperstack in Fiji, or as OME-TIFF"
        )


def _refuse_lost_index(files: TiffFiles, tif: Any) -> None:
    """Refuse pages of Micro-Manager that may be of several channels or slices."""
    meta = tif.micromanager_metadata or {}
    if meta.get("MajorVersion", 0) >= 2:
        raise files.refuse(
            "belongs to a data set of Micro-Manager (NDTiff) whose file 'NDTiff.index' is not "
            "beside it. Copy the whole folder"
        )
    summary = meta.get("Summary") or {"Channels": 2}
    if any(int(summary.get(key, 1)) > 1 for key in ("Channels", "Slices", "Positions")):
        raise files.refuse(
            "is a stack of Micro-Manager whose index of planes is lost, so that its channels "
            "and slices cannot be told apart. Open it in Micro-Manager or Fiji and save it "
            "as hyperstack"
        )


def _list_size(series: Any) -> str:
    sizes = dict(zip(series.axes, series.shape, strict=True))
    return f"{sizes.get('X')} x {sizes.get('Y')}"


def _is_level(upper: Sequence[PageEntry], lower: Sequence[PageEntry]) -> bool:
    """Whether pages in tiles are smaller copies of the pages before them."""
    a, b = upper[0], lower[0]
    if len(upper) != len(lower) or not (a.is_tiled and b.is_tiled) or a.kind[3:] != b.kind[3:]:
        return False
    return any(
        abs(a.width / factor - b.width) <= 1 and abs(a.height / factor - b.height) <= 1
        for factor in (2, 3, 4)
    )


def _parse_shaped(description: str) -> dict[str, Any]:
    """The header that tifffile writes, also in its older form."""
    if description.startswith("shape="):
        return {"shape": [int(n) for n in re.findall(r"\d+", description)]}
    said = json.loads(description)
    if not isinstance(said, dict) or "shape" not in said:
        raise ValueError("its header of tifffile has no shape")
    return said


def _name_axes(shape: Sequence[int], page: Any) -> str:
    """Axes of a shape of which only the last, those of a page, are known."""
    known = [(axis, n) for axis, n in zip(page.axes, page.shape, strict=True) if n > 1]
    axes = []
    for n in reversed(shape):
        if n > 1 and known and known[-1][1] == n:
            axes.append(known.pop()[0])
        else:
            axes.append("Q")
    return page.axes if known else "".join(reversed(axes))


def _merge_equal(found: list[Found]) -> list[Found]:
    """Single images of one size, written one by one, are a stack of one unnamed axis."""
    if len(found) < 2 or any(one.name or one.offset is not None for one in found):
        return found
    first = found[0]
    if any((one.axes, one.shape) != (first.axes, first.shape) for one in found):
        return found
    if any(n > 1 and axis not in "YXS" for axis, n in zip(first.axes, first.shape, strict=True)):
        return found
    pages = [page for one in found for page in one.pages]
    return [Found("I" + first.axes, (len(pages), *first.shape), pages)]

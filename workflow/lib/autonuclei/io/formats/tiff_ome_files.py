"""The pages of OME-TIFF, in one file or a set of them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autonuclei.io.formats.tiff_dialects import Found, find_plain
from autonuclei.io.formats.tiff_files import Place, TiffFiles, check_planned
from autonuclei.io.formats.tiff_ome import OmeImage, OmeText, parse_ome

_SIDE_NAMES = ("label image", "macro image", "label", "macro", "thumbnail", "overview image")


def find_ome_images(files: TiffFiles, tif: Any) -> list[Found]:
    """Find the images that the OME-XML of a file names, in this and other files.

    Raises
    ------
    InputError
        Its axes cannot be told, or files of its set are missing.
    ValueError
        The file is damaged.
    """
    is_single = len(files.list_pages(files.path).pages) == 1
    try:
        text = parse_ome(tif.ome_metadata)
    except ValueError as error:
        if is_single:
            files.note(f"{error}; its only page is read without it")
            return find_plain(files)
        raise files.refuse(f"its axes cannot be told: {error}. Save it again") from error
    holder = files.path
    if text.master:
        holder, text = _open_master(files, text.master)
    finder = _FileFinder(holder, text)
    found, missing = [], list[str]()
    for number, image in enumerate(text.images, start=1):
        one = _find_ome_image(files, image, finder, missing)
        if one is None:
            continue
        name = one.name or ("" if len(text.images) == 1 else f"image {number}")
        found.append(replace(one, name=name))
    if not found:
        if missing:
            raise files.refuse(_tell_missing(missing))
        if is_single:
            files.note("its OME-XML names no pixels; its only page is read without it")
            return find_plain(files)
        raise files.refuse(
            "its OME-XML names no pixels in a file, so that its axes cannot be told. Save it again"
        )
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        files.note(f"left out: images whose files are missing ({listed})")
    named = {
        place.page for one in found for place in one.pages if place and place.path == files.path
    }
    n_pages = len(files.list_pages(files.path).pages)
    if named and len(named) < n_pages:
        files.note(f"left out: {n_pages - len(named)} of {n_pages} pages, not in its OME-XML")
    return _drop_side_pictures(files, found)


def _open_master(files: TiffFiles, name: str) -> tuple[Path, OmeText]:
    """The file of a set that says all."""
    path = files.path.with_name(Path(name.replace("\\", "/")).name)
    if not path.is_file():
        raise files.refuse(
            f"is a part of a set whose master file '{path.name}' is missing. Put it beside"
        )
    files.add([path])
    if path.suffix.lower() in (".ome", ".xml"):
        return path, parse_ome(path.read_text(encoding="utf-8"))
    return path, parse_ome(files.open(path).ome_metadata or "")


def _find_ome_image(
    files: TiffFiles, image: OmeImage, finder: "_FileFinder", missing: list[str]
) -> Found | None:
    """The pages of an image; None where it has none, or none that are here."""
    if not image.runs:
        files.note(f"left out: '{image.name}', whose OME-XML names no pixels")
        return None
    if image.has_modulo:
        raise files.refuse(
            f"has more axes than time, z and channel ('{image.name}' is annotated as modulo). "
            "Save it as hyperstack in Fiji"
        )
    runs = []
    for run in image.runs:
        path = finder.find(run.uuid, run.file)
        if path is None:
            name = Path(run.file.replace("\\", "/")).name or run.uuid
            if name not in missing:
                missing.append(name)
        else:
            runs.append((run, path))
    if not runs:
        return None
    if len(runs) < len(image.runs):
        raise files.refuse(_tell_missing(missing))
    files.add(dict.fromkeys(path for _, path in runs))
    first_run, first_path = runs[0]
    page = files.load(Place(first_path, first_run.page))
    if (page.imagelength, page.imagewidth) != (image.height, image.width):
        raise files.refuse(
            f"its OME-XML speaks of {image.width} x {image.height} pixels, but its pages have "
            f"{page.imagewidth} x {page.imagelength}: they are not of the same image"
        )
    sizes = {"T": image.n_frames, "Z": image.n_slices, "C": image.n_channels}
    if sizes["C"] % page.samplesperpixel == 0:
        sizes["C"] //= page.samplesperpixel
    elif sizes["C"] > 1:
        raise files.refuse(
            f"its OME-XML speaks of {sizes['C']} channels, but its pages have "
            f"{page.samplesperpixel} samples per pixel"
        )
    shape = [sizes[axis] for axis in image.order]
    n_there = sum(len(files.list_pages(path).pages) for path in {path for _, path in runs})
    check_planned(math.prod(shape), n_there)
    places: list[Place | None] = [None] * math.prod(shape)
    for run, path in runs:
        at = dict(zip("TZC", run.start, strict=True))
        if any(at[axis] >= sizes[axis] for axis in "TZC"):
            files.note("its OME-XML names planes outside of its own sizes; left out")
            continue
        start = int(np.ravel_multi_index([at[axis] for axis in image.order], shape))
        n_pages = run.n_pages
        if n_pages is None:
            n_pages = len(files.list_pages(path).pages) - run.page
        for i in range(min(n_pages, len(places) - start)):
            places[start + i] = Place(path, run.page + i)
    _check_ome_pages(files, places)
    axes, outer = image.order + page.axes, tuple(shape)
    return Found(axes, (*outer, *page.shape), places, name=image.name, scale=image.scale)


def _check_ome_pages(files: TiffFiles, places: list[Place | None]) -> None:
    """Look up pages of this file, and refuse if one is lost or of another kind."""
    chain = files.list_pages(files.path).pages
    for i, place in enumerate(places):
        if place is None or place.path != files.path:
            continue
        if not 0 <= place.page < len(chain):
            raise ValueError(
                f"its OME-XML names page {place.page + 1}, but it has {len(chain)}: truncated "
                "or changed since"
            )
        places[i] = place._replace(offset=chain[place.page].offset)


def _drop_side_pictures(files: TiffFiles, found: list[Found]) -> list[Found]:
    """Leave out the pictures of the slide beside the image."""
    kept = [one for one in found if one.name.lower() not in _SIDE_NAMES]
    if not kept or len(kept) == len(found):
        return found
    for one in found:
        if one not in kept:
            sizes = dict(zip(one.axes, one.shape, strict=True))
            files.note(f"left out: {one.name}, {sizes['X']} x {sizes['Y']} pixels")
    return kept


class _FileFinder:
    """Finds the files that an OME-XML names, also where the only one was given another name."""

    def __init__(self, holder: Path, text: OmeText) -> None:
        self._holder = holder
        self._uuid = text.uuid
        runs = [run for image in text.images for run in image.runs]
        self._is_alone = len({(run.uuid, run.file) for run in runs}) == 1
        self._is_tiff = holder.suffix.lower() not in (".ome", ".xml")
        self._known: dict[tuple[str, str], Path | None] = {}

    def find(self, uuid: str, name: str) -> Path | None:
        if (uuid, name) not in self._known:
            self._known[uuid, name] = self._look_up(uuid, name)
        return self._known[uuid, name]

    def _look_up(self, uuid: str, name: str) -> Path | None:
        if not uuid and not name:
            return self._holder
        if self._is_tiff and uuid and uuid == self._uuid:
            return self._holder
        name = name.replace("\\", "/")
        for path in (self._holder.parent / name, self._holder.with_name(Path(name).name)):
            if name and path.is_file():
                return path
        if self._is_tiff and Path(name).name.lower() == self._holder.name.lower():
            return self._holder
        return self._holder if self._is_alone and self._is_tiff else None


def _tell_missing(names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:5]) + (", ..." if len(names) > 5 else "")
    return f"belongs to a set of files of which {listed} is missing. Put all files into one folder"

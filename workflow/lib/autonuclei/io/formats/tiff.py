"""TIFF in the dialects of microscopes: what its pages are, and one plane on request.

Whatever the dialect, an image is brought into one form (`_Stack`): an array of some axes whose
pixels lie in pages, one behind the other. Which pages, and what the axes are, says the dialect;
how a plane is read from them is the same for all.
"""

import json
import logging
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    explain_damage,
)
from autonuclei.io.formats.palettes import is_ramp
from autonuclei.io.formats.tiff_metadata import Scale, read_scale
from autonuclei.io.formats.tiff_ome import OmeImage, OmeText, parse_ome
from autonuclei.io.formats.tiff_pages import PageChain, PageEntry, list_pages

# tifffile's names of dialects, in the order in which it asks for them.
_DIALECTS = (
    "shaped", "lsm", "mmstack", "ome", "imagej", "ndtiff", "fluoview", "stk", "sis", "svs", "scn",
    "qpi", "bif", "avs", "philips", "scanimage", "mdgel",
)  # fmt: skip
# Dialects whose palettes are for display: the pixels are intensities.
_INTENSITIES = ("lsm", "fluoview", "stk", "mmstack", "ndtiff", "scanimage", "sis")
_SIDE_PICTURES = ("Thumbnail", "Label", "Macro", "Map")
_JPEG = (7, 33007, 34892)
_OLD_JPEG = 6
_LOSSY = "save it again uncompressed in the program that wrote it, or in Fiji if it opens it"
_MOST_BYTES = 2**40
_BEST_COMPRESSION = 20000
_MOST_OPEN_FILES = 16

_UNREADABLE_COLOURS = {
    5: "inks for print (CMYK)", 8: "CIE L*a*b* colours", 9: "ICC L*a*b* colours",
    10: "ITU L*a*b* colours", 32803: "the raw mosaic of a colour camera",
    34892: "the raw data of a camera", 32844: "the logarithm of luminance (LogL)",
    32845: "logarithmic colours (LogLuv)",
}  # fmt: skip


class _Place(NamedTuple):
    """A page of a file. `offset` is 0 until it is looked up by the number of the page."""

    path: Path
    page: int
    offset: int = 0


class _Look(NamedTuple):
    """How the numbers in the pages become an image."""

    page: Any  # the first page, which stands for all
    is_inverted: bool
    colours: Array | None  # (index, 3) of a palette that is no ramp of intensities


@dataclass(frozen=True)
class _Stack:
    """An array of pages.

    `roles` has a letter for each axis of `shape`: T, Z, C, Y, X, S for colours, or - for one that
    stays at the number in `fixed`. `sizes` is `shape` without opacity among the channels. Pages
    are places, or pages of tifffile where it mends their entries; None was not recorded.
    `offset` is the place of the pixels where all lie behind each other without pages.
    """

    path: Path
    shape: tuple[int, ...]
    pages: Sequence[Any]
    look: _Look
    roles: str = ""
    sizes: tuple[int, ...] = ()
    fixed: tuple[int, ...] = ()
    offset: int | None = None
    transform: Any = None

    @property
    def page_size(self) -> int:
        return math.prod(self.look.page.shape)

    def count(self, role: str) -> int:
        return math.prod(n for r, n in zip(self.roles, self.sizes, strict=True) if r == role)


@dataclass(frozen=True)
class _Found:
    """A stack with the letters that the dialect has for its axes, before they are understood."""

    axes: str
    shape: tuple[int, ...]
    pages: Sequence[Any]
    name: str = ""
    scale: Scale | None = None
    offset: int | None = None
    transform: Any = None


class TiffImageFile(ImageFile):
    """A TIFF file, or the set of files that it belongs to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tifs: dict[Path, Any] = {}
        self._chains: dict[Path, PageChain] = {}
        self._files = [path]
        self._notes: list[str] = []
        self._stacks: list[_Stack] = []
        try:
            with explain_damage(path), _silence_tifffile():
                self.header = self._read_header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file and of the others of its set."""
        for tif in self._tifs.values():
            tif.close()
        self._tifs.clear()

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        """One plane; see `ImageFile.read`."""
        stack = self._stacks[image]
        with _silence_tifffile():
            return self._read_plane(stack, {"T": frame, "Z": z, "C": channel})

    # --- headers -------------------------------------------------------------------------------

    def _read_header(self) -> FileHeader:
        chain = self._list_pages(self._path)
        tif = self._open(self._path)
        dialect = next((name for name in _DIALECTS if getattr(tif, f"is_{name}")), "")
        # A stack of MetaMorph has one page, and no end of its chain in some versions.
        if chain.problem and dialect != "stk":
            raise ValueError(chain.problem)
        scale = Scale() if dialect == "ome" else read_scale(tif, dialect)
        found = self._find_images(tif, dialect, chain)
        images = []
        for number, one in enumerate(found, start=1):
            name = one.name
            if not name and len(found) > 1:
                sizes = dict(zip(one.axes, one.shape, strict=True))
                name = f"image {number}, {sizes.get('X')} x {sizes.get('Y')}"
            images += self._describe(replace(one, name=name), dialect, one.scale or scale)
        self._note(scale.notes)
        self._note_orientation(tif.pages.first)
        return FileHeader(tuple(images), tuple(map(str, self._files)), tuple(self._notes))

    def _find_images(self, tif: Any, dialect: str, chain: PageChain) -> list[_Found]:
        if dialect == "ome":
            return self._find_ome(tif)
        if dialect == "shaped":
            return self._find_shaped(tif, chain)
        if dialect == "imagej":
            return [self._find_imagej(tif, chain)]
        if dialect == "" and tif.is_micromanager and len(chain.pages) > 1:
            self._refuse_lost_index(tif)
        if dialect:
            return self._find_series(tif, dialect)
        return self._find_plain(chain)

    def _describe(self, found: _Found, dialect: str, scale: Scale) -> list[ImageHeader]:
        """Understand the axes of a stack; one header for each of its positions."""
        pages = [page for page in found.pages if page is not None]
        if not pages:
            raise self._refuse("holds no plane: nothing was recorded")
        self._check_pages_alike(pages)
        page = self._load(pages[0])
        look = self._judge_look(page.keyframe, dialect)
        stack = _Stack(
            self._path, found.shape, found.pages, look,
            offset=found.offset, transform=found.transform,
        )  # fmt: skip
        self._check_claim(stack, page)
        self._check_whole(page)
        if found.offset is None and len(pages) > 1:
            self._check_whole(self._load(pages[-1]))
        stack, n_positions = self._assign_roles(stack, found.axes)
        headers = []
        for number in range(n_positions):
            fixed = tuple(
                int(i) for i in np.unravel_index(
                    number,
                    [n if role == "P" else 1 for role, n in zip(stack.roles, stack.shape,
                                                                 strict=True)],
                )
            )  # fmt: skip
            one = replace(stack, roles=stack.roles.replace("P", "-"), fixed=fixed)
            name = found.name
            if n_positions > 1:
                names = scale.position_names
                name = names[number] if len(names) == n_positions else f"position {number + 1}"
            header = self._make_header(one, name, scale)
            if header is not None:
                headers.append(header)
                self._stacks.append(one)
        return headers

    def _make_header(self, stack: _Stack, name: str, scale: Scale) -> ImageHeader | None:
        n_frames = self._count_frames(stack, name)
        if n_frames == 0:
            return None
        sizes = dict(zip(stack.roles, stack.sizes, strict=True))
        n_channels = stack.count("C")
        names = scale.channel_names
        page = stack.look.page
        dtype = np.dtype("uint8") if stack.look.colours is not None else np.dtype(page.dtype)
        if stack.transform is not None:
            dtype = np.dtype("float32")
        if not names and page.photometric == 2 and n_channels == page.samplesperpixel > 1:
            names = ("red", "green", "blue", *map(str, range(4, n_channels + 1)))[:n_channels]
        return ImageHeader(
            height=sizes["Y"],
            width=sizes["X"],
            dtype=dtype.name,
            n_frames=n_frames,
            n_slices=sizes.get("Z", 1),
            n_channels=n_channels,
            position=name,
            channel_names=names if len(names) == n_channels else (),
            is_rgb="S" in stack.roles or stack.look.colours is not None,
            pixel_size_um=scale.pixel_size_um,
            pixel_height_um=scale.pixel_height_um,
            pixel_size_source=scale.pixel_size_source,
            frame_interval_min=scale.frame_interval_min,
            frame_interval_source=scale.frame_interval_source,
        )

    def _count_frames(self, stack: _Stack, name: str) -> int:
        """Time points up to the last whole one; what was not recorded is told."""
        n_frames = stack.count("T")
        if stack.offset is not None or all(page is not None for page in stack.pages):
            return n_frames
        outer = self._count_outer(stack)
        there = np.array([page is not None for page in stack.pages]).reshape(stack.shape[:outer])
        roles = stack.roles[:outer]
        there = there[
            tuple(
                i if role == "-" else slice(None)
                for role, i in zip(roles, stack.fixed[:outer], strict=True)
            )
        ]
        roles = roles.replace("-", "")
        by_frame = np.moveaxis(there, roles.index("T"), 0) if "T" in roles else there[None]
        by_frame = by_frame.reshape(len(by_frame), -1)
        n_whole = _count_recorded(by_frame.sum(axis=1))
        of = f" of {name}" if name else ""
        if n_whole < n_frames:
            self._note([
                f"left out{of}: the last {n_frames - n_whole} of {n_frames} time points, which "
                "were not recorded whole"
            ])  # fmt: skip
        n_missing = int((~by_frame[:n_whole]).sum())
        if n_missing:
            self._note([f"{n_missing} planes{of} were not recorded and cannot be read"])
        return n_whole

    def _count_outer(self, stack: _Stack) -> int:
        """Axes that go from page to page, not within one."""
        outer, size = len(stack.shape), 1
        while outer and size < stack.page_size:
            outer -= 1
            size *= stack.shape[outer]
        return outer

    def _assign_roles(self, stack: _Stack, axes: str) -> tuple[_Stack, int]:
        """Understand the letters of the axes; also the number of positions."""
        page = stack.look.page
        roles, sizes = [], list(stack.shape)
        for i, (axis, size) in enumerate(zip(axes, stack.shape, strict=True)):
            role = _ROLES.get(axis, axis)
            if axis == "S":
                role, sizes[i] = self._judge_samples(page, size)
            if size == 1 and role not in "YX":
                role = "-"
            roles.append(role)
        named = "".join(roles)
        listed = f"its axes are {axes} ({' x '.join(map(str, stack.shape))})"
        if sorted(role for role in named if role in "YX") != ["X", "Y"]:
            raise self._refuse(f"holds no images of rows and columns, {listed}")
        if named.count("?") > 1 or ("?" in named and "T" in named):
            raise self._refuse(
                f"has axes without a name, {listed}. Save it with names for its axes, in Fiji as "
                "hyperstack (Image > Hyperstacks), with tifffile with metadata={'axes': 'TCYX'}"
            )
        named = named.replace("?", "T")
        strange = [axis for axis, role in zip(axes, named, strict=True) if role not in "TZCYXSP-"]
        if strange:
            names = ", ".join(_STRANGE.get(axis, axis) for axis in strange)
            raise self._refuse(f"has an axis that is no time, z or channel: {names} ({listed})")
        first = min(named.index("Y"), named.index("X"))
        if any(named.count(role) > 1 for role in "TZ") or set(named[first:]) & set("TZP"):
            raise self._refuse(
                f"has planes that are not stored one by one, {listed}. Save it with the axes "
                "TZCYX, for example in Fiji"
            )
        n_positions = math.prod(
            n for role, n in zip(named, stack.shape, strict=True) if role == "P"
        )
        stack = replace(stack, roles=named, sizes=tuple(sizes))
        return stack, n_positions

    def _judge_samples(self, page: Any, size: int) -> tuple[str, int]:
        """Whether the samples of a pixel are colours (S) or channels (C), and how many count."""
        n_alpha = sum(1 for kind in _listed(page.extrasamples) if kind in (1, 2))
        if page.photometric in (2, 6) and (size == 3 or (size == 4 and n_alpha == 1)):
            return "S", size
        if 0 < n_alpha < size:
            self._note(["left out: opacity, which lies beside the channels"])
            return "C", size - n_alpha
        return "C", size

    def _judge_look(self, page: Any, dialect: str) -> _Look:
        """How pixels are to be shown; refuses what cannot be."""
        self._check_support(page)
        is_inverted = page.photometric == 0
        if page.bitspersample == 1 and dialect in ("shaped", "ome"):
            is_inverted = False  # tifffile marks each binary image so, and means its numbers
        if is_inverted and np.dtype(page.dtype).kind not in "ub":
            raise self._refuse(
                "shows its smallest number as white, which is not defined for numbers with sign "
                "or fraction. Save it again in Fiji (Image > Lookup Tables > Invert LUT first)"
            )
        colours = None
        if page.photometric == 3 and page.colormap is not None and dialect not in _INTENSITIES:
            if page.samplesperpixel > 1 or np.dtype(page.dtype).kind not in "ub":
                raise self._refuse("has a palette for pixels that are no index. Save it in Fiji")
            if not is_ramp(page.colormap, strict=dialect != "imagej"):
                colours = _to_bytes(page.colormap)
        return _Look(page, is_inverted, colours)

    def _check_support(self, page: Any) -> None:
        """Refuse what is sound but cannot be read here."""
        if page.photometric in _UNREADABLE_COLOURS:
            kind = _UNREADABLE_COLOURS[page.photometric]
            raise self._refuse(f"holds {kind}, no grey values. Save it as a grey image in Fiji")
        compression = _name(tifffile.COMPRESSION, page.compression)
        if page.photometric == 6 and page.compression not in _JPEG:
            raise self._refuse(
                f"holds colours as brightness and differences (YCbCr, compression {compression}), "
                f"which cannot be read here; {_LOSSY}"
            )
        if page.compression == _OLD_JPEG:
            raise self._refuse(f"is compressed with old-style JPEG, which cannot be read; {_LOSSY}")
        if page.dtype is not None and np.dtype(page.dtype).kind == "c":
            raise self._refuse("holds complex numbers. Save their magnitude as an image")
        if 0 in page.shape or not page.shape:
            raise ValueError("its first page has no pixels")
        try:
            page.decode(None, 0)  # without data it only says whether it could
        except Exception as error:
            if page.compression not in tifffile.TIFF.DECOMPRESSORS:
                raise self._refuse(
                    f"is compressed with {compression}, which cannot be read here; {_LOSSY}"
                ) from error
            raise self._refuse(
                f"has pixels of a kind that cannot be read here ({error}); {_LOSSY}"
            ) from error

    def _check_claim(self, stack: _Stack, page: Any) -> None:
        """Refuse a header that claims more pixels than the file can have, before any is read."""
        path = page.parent.filehandle.path
        size = Path(path).stat().st_size
        bits = page.bitspersample if isinstance(page.bitspersample, int) else 8
        claimed = math.prod(page.shape) * bits // 8
        if page.compression == 1 and claimed > size:
            raise ValueError(f"it claims {claimed} bytes of pixels, but has {size}: truncated")
        if claimed > _MOST_BYTES or claimed > _BEST_COMPRESSION * size:
            raise ValueError(f"it claims {claimed} bytes of pixels in a file of {size}")
        total = math.prod(stack.shape)
        if stack.offset is not None:
            end = stack.offset + total * np.dtype(page.dtype).itemsize
            if end > size:
                raise ValueError(
                    f"its pixels would end at byte {end}, but it has {size}: truncated"
                )
        elif total != len(stack.pages) * stack.page_size:
            raise ValueError(
                f"it claims {total // stack.page_size} planes, but has {len(stack.pages)} pages"
            )

    def _check_whole(self, page: Any) -> None:
        """Refuse a page with pixels that lie behind the end of the file or were never written.

        Some decoders fill what is missing without a word.
        """
        frame, page = page, page.keyframe
        size = frame.parent.filehandle.size
        offsets, counts = frame.dataoffsets, frame.databytecounts
        if page.is_contiguous:
            ends = [offsets[0] + page.nbytes]
        else:
            n = math.prod(page.chunked)
            if len(offsets) < n or len(counts) < n or not all(offsets[:n]) or not all(counts[:n]):
                raise ValueError(
                    f"page {frame.index + 1} lacks some of its {n} strips or tiles: they were "
                    "never written"
                )
            ends = [start + count for start, count in zip(offsets, counts, strict=False)]
        if max(ends) > size:
            raise ValueError(f"page {frame.index + 1} goes beyond the end of the file: truncated")

    def _note_orientation(self, page: Any) -> None:
        turned = page.tags.valueof("Orientation", default=1)
        if turned != 1:
            self._note([f"its entry Orientation ({turned}) is not applied, as in Fiji"])

    def _note(self, lines: Iterable[str]) -> None:
        self._notes += [line for line in lines if line not in self._notes]

    def _refuse(self, reason: str) -> InputError:
        return InputError(f"{self._path}: {reason}.")

    # --- dialects ------------------------------------------------------------------------------

    def _find_plain(self, chain: PageChain) -> list[_Found]:
        """Pages without a dialect: those of one kind are one image."""
        full = [page for page in chain.pages if not page.subfile & 5]
        small = [page for page in chain.pages if page.subfile & 5]
        if not full:  # some writers mark all pages
            full, small = small, []
            if full[0].has_children:
                raise self._refuse(
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
        self._note_left_out("smaller copies or masks", small)
        if any(page.has_children for page in full):
            self._note(["left out: the smaller copies in SubIFDs"])
        numbers = {page.offset: number for number, page in enumerate(chain.pages)}
        return [
            self._stack_pages(
                [_Place(self._path, numbers[page.offset], page.offset) for page in group], "I"
            )
            for group in (first, *others)
        ]

    def _note_left_out(self, what: str, pages: Iterable[PageEntry]) -> None:
        sizes = dict.fromkeys(f"{page.width} x {page.height}" for page in pages)
        if sizes:
            self._note([f"left out: {what} of {', '.join(sizes)} pixels"])

    def _stack_pages(
        self, places: Sequence[_Place | None], axes: str, shape: Sequence[int] = ()
    ) -> _Found:
        """Pages behind each other along axes of their own."""
        first = self._load(next(place for place in places if place is not None))
        shape = tuple(shape) or (len(places),)
        return _Found(axes + first.axes, (*shape, *first.shape), places)

    def _find_shaped(self, tif: Any, chain: PageChain) -> list[_Found]:
        """What tifffile writes: a shape, perhaps with axes, in the first page of each series."""
        found: list[_Found] = []
        number = 0
        text = b""
        while number < len(chain.pages):
            entry = chain.pages[number]
            # Frames written one by one all have the same text: understood once.
            if number and text and text == self._read_text(entry) and len(found[-1].pages) == 1:
                place = _Place(self._path, number, entry.offset)
                found.append(replace(found[-1], pages=[place]))
                number += 1
                continue
            text = self._read_text(entry)
            page = self._load(_Place(self._path, number, entry.offset))
            if page.shaped_description is None:
                if number == 0 or any(len(one.pages) > 1 for one in found) or found[0].offset:
                    raise self._refuse(
                        f"was written by tifffile and changed since: page {number + 1} has no "
                        "shape. Save it again with its axes"
                    )
                return self._find_plain(chain)
            said = _parse_shaped(page.shaped_description)
            shape = tuple(int(n) for n in said["shape"])
            n_pages, rest = divmod(math.prod(shape), math.prod(page.shape))
            if rest or n_pages < 1:
                raise ValueError(f"its shape {shape} does not fit its pages of {page.shape}")
            axes = str(said.get("axes", ""))
            if len(axes) != len(shape):
                axes = _name_axes(shape, page)
            places = [
                _Place(self._path, number + i, one.offset)
                for i, one in enumerate(chain.pages[number : number + n_pages])
            ]
            offset = None
            if n_pages > 1 and (said.get("truncated") or len(places) < n_pages):
                if not page.is_final:
                    raise ValueError(f"it claims {n_pages} pages, but has {len(chain.pages)}")
                offset, places, n_pages = page.dataoffsets[0], places[:1], 1
            if entry.subfile & 1 and found:
                self._note_left_out("smaller copies", [entry])
            else:
                name = str(said.get("name", ""))
                found.append(_Found(axes, shape, places, name=name, offset=offset))
            if entry.has_children:
                self._note(["left out: the smaller copies in SubIFDs"])
            number += n_pages
        return _merge_equal(found)

    def _read_text(self, entry: PageEntry) -> bytes:
        """The description of a page, as it stands in the file."""
        with self._path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), entry.text_size, entry.text_offset)

    def _find_imagej(self, tif: Any, chain: PageChain) -> _Found:
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
        places = [_Place(self._path, i, one.offset) for i, one in enumerate(chain.pages)]
        shape = [size[axis] for axis in order]
        if n_images == n_pages:
            return self._stack_pages(places, order, shape)
        end = page.dataoffsets[0] + n_images * page.nbytes if page.is_final else math.inf
        if end <= (chain.pages[1].offset if n_pages > 1 else tif.filehandle.size):
            # Beyond 4 GB ImageJ writes one page and all pixels behind each other.
            found = self._stack_pages(places[:1], order)
            return replace(found, shape=(*shape, *page.shape), offset=page.dataoffsets[0])
        raise ValueError(
            f"its header of ImageJ counts {n_images} images, but it has {n_pages} pages: "
            "truncated or changed since"
        )

    def _find_series(self, tif: Any, dialect: str) -> list[_Found]:
        """Dialects whose axes and pages tifffile knows."""
        try:
            series = tif.series
        except FileNotFoundError as error:
            missing = os.path.basename(error.filename or "")  # noqa: PTH119
            raise self._refuse(
                f"belongs to a set of files of which '{missing}' is missing. Put it beside"
            ) from error
        found = []
        for one in series:
            if one.name in _SIDE_PICTURES or (dialect == "lsm" and one.keyframe.is_reduced):
                self._note([f"left out: {one.name or 'thumbnails'}, {_list_size(one)} pixels"])
            else:
                found.append(self._take_series(one, tif, dialect))
        return found

    def _take_series(self, series: Any, tif: Any, dialect: str) -> _Found:
        axes, shape = series.get_axes(False), tuple(series.get_shape(False))
        if series.kind in ("generic", "uniform") and len(series) > 1:
            # The entries of the dialect could not be understood.
            raise self._refuse(
                f"has {len(series)} pages whose axes cannot be told ({dialect}). Save it as "
                "hyperstack in Fiji, or as OME-TIFF"
            )
        offset = series.dataoffset
        if dialect == "stk":
            axes, shape = self._find_stk_axes(tif.stk_metadata or {}, axes, shape)
            if offset is None and len(series) != math.prod(shape[:-2]):
                raise self._refuse("is a compressed stack of MetaMorph. Save it uncompressed")
        if dialect == "scanimage":
            axes, shape = self._find_scanimage_axes(tif, axes, shape)
        pages: list[Any] = [self._place(page, dialect) for page in series]
        if offset is not None:
            pages = pages[:1]
        elif dialect in ("mmstack", "ndtiff"):
            self._list_members(pages)
        name = series.name if dialect == "scn" else ""
        if dialect == "mmstack" and not series.is_multifile:
            name = self._name_lone_file(tif, dict(zip(axes, shape, strict=True)))
        if series.is_pyramidal:
            self._note(["left out: the smaller copies of the image (pyramid)"])
        return _Found(
            axes, shape, pages, name=name, offset=offset, transform=series.transform
        )  # fmt: skip

    def _place(self, page: Any, dialect: str) -> Any:
        if page is None or not page.dataoffsets or not page.dataoffsets[0]:
            return None
        # tifffile mends the entries of LSM files, and finds planes of NDTiff by its index.
        if dialect in ("lsm", "ndtiff"):
            return page
        path = Path(page.parent.filehandle.path)
        path = self._path if path == self._path.absolute() else path
        return _Place(path, page.index, page.offset)

    def _list_members(self, pages: Iterable[Any]) -> None:
        paths = {
            page.path if isinstance(page, _Place) else Path(page.parent.filehandle.path)
            for page in pages
            if page is not None
        }
        self._add_files(sorted(paths))
        index = self._path.with_name("NDTiff.index")
        if index.exists():
            self._add_files([index])

    def _add_files(self, paths: Iterable[Path]) -> None:
        known = {path.absolute() for path in self._files}
        for path in paths:
            if path.absolute() not in known:
                self._files.append(path)
                known.add(path.absolute())

    def _check_pages_alike(self, pages: Iterable[Any]) -> None:
        """Refuse a stack in which a page of this file is of another kind than the first."""
        entries = {entry.offset: entry for entry in self._list_pages(self._path).pages}
        first: PageEntry | None = None
        for page in pages:
            entry = None
            if isinstance(page, _Place) and page.path == self._path:
                entry = entries.get(page.offset)
            if entry is None:
                continue
            first = first or entry
            if entry.kind != first.kind:
                raise self._refuse(_compare(page.page, entry, first))

    def _find_stk_axes(
        self, meta: dict[str, Any], axes: str, shape: tuple[int, ...]
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
        raise self._refuse(
            "has planes of several wavelengths in no order that can be told. Save each "
            "wavelength as a stack of its own in MetaMorph"
        )

    def _find_scanimage_axes(
        self, tif: Any, axes: str, shape: tuple[int, ...]
    ) -> tuple[str, tuple[int, ...]]:
        if axes.startswith("I"):
            if shape[0] == 1:
                return axes, shape
            text = tif.pages.first.description
            saved = re.search(r"(?:numberOfChannelsSave|channelsSave)\s*=\s*([^\r\n]*)", text)
            slices = re.search(r"(?:numberOfZSlices|stackNumSlices)\s*=\s*(\d+)", text)
            if saved and saved[1].strip(" []") == "1" and slices and slices[1] == "1":
                return axes, shape
            raise self._refuse(
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
                raise self._refuse(
                    "holds volumes of ScanImage with pages between them (flyback). Save it as "
                    "hyperstack in Fiji"
                )
            return "TZC" + axes[3:], (sizes["Z"] // n_slices, n_slices, *shape[2:])
        return axes, shape

    def _name_lone_file(self, tif: Any, sizes: dict[str, int]) -> str:
        """Position of a file of Micro-Manager that may be one of several, whose others are away."""
        meta = tif.micromanager_metadata
        summary = meta["Summary"]
        frame, position = meta["IndexMap"][:, 2:4].min(axis=0)
        if frame > 0:
            raise self._refuse(
                f"begins with time point {frame + 1}: it belongs to a set of files of "
                "Micro-Manager of which the first is missing. Put all files into one folder"
            )
        n_frames, n_positions = (int(summary.get(key, 1)) for key in ("Frames", "Positions"))
        if sizes["T"] < n_frames:
            self._note([f"{sizes['T']} of {n_frames} planned time points are in the file"])
        if sizes["R"] >= n_positions:
            return ""
        self._note([f"{sizes['R']} of {n_positions} positions are in the file"])
        names = read_scale(tif, "mmstack").position_names
        return names[position] if sizes["R"] == 1 and position < len(names) else ""

    def _refuse_lost_index(self, tif: Any) -> None:
        meta = tif.micromanager_metadata or {}
        if meta.get("MajorVersion", 0) >= 2:
            raise self._refuse(
                "belongs to a data set of Micro-Manager (NDTiff) whose file 'NDTiff.index' is not "
                "beside it. Copy the whole folder"
            )
        summary = meta.get("Summary") or {"Channels": 2}
        if any(int(summary.get(key, 1)) > 1 for key in ("Channels", "Slices", "Positions")):
            raise self._refuse(
                "is a stack of Micro-Manager whose index of planes is lost, so that its channels "
                "and slices cannot be told apart. Open it in Micro-Manager or Fiji and save it "
                "as hyperstack"
            )

    # --- OME -----------------------------------------------------------------------------------

    def _find_ome(self, tif: Any) -> list[_Found]:
        try:
            text = parse_ome(tif.ome_metadata)
        except ValueError as error:
            if len(self._list_pages(self._path).pages) == 1:
                self._note([f"{error}; its only page is read without it"])
                return self._find_plain(self._list_pages(self._path))
            raise self._refuse(f"its axes cannot be told: {error}. Save it again") from error
        holder = self._path
        if text.master:
            holder, text = self._open_master(text.master)
        own_files = _FileFinder(holder, text)
        found, missing = [], list[str]()
        for number, image in enumerate(text.images, start=1):
            one = self._find_ome_image(image, own_files, missing)
            if one is None:
                continue
            name = one.name or ("" if len(text.images) == 1 else f"image {number}")
            found.append(replace(one, name=name))
        if not found:
            if missing:
                raise self._refuse(_tell_missing(missing))
            raise self._refuse("its OME-XML names no pixels in a file")
        if missing:
            listed = ", ".join(f"'{name}'" for name in missing)
            self._note([f"left out: images whose files are missing ({listed})"])
        for one in found:
            self._note(one.scale.notes if one.scale else ())
        return self._drop_side_pictures(found)

    def _open_master(self, name: str) -> tuple[Path, OmeText]:
        """The file of a set that says all."""
        path = self._path.with_name(Path(name.replace("\\", "/")).name)
        if not path.is_file():
            raise self._refuse(
                f"is a part of a set whose master file '{path.name}' is missing. Put it beside"
            )
        self._add_files([path])
        if path.suffix.lower() in (".ome", ".xml"):
            return path, parse_ome(path.read_text(encoding="utf-8"))
        return path, parse_ome(self._open(path).ome_metadata or "")

    def _find_ome_image(
        self, image: OmeImage, files: "_FileFinder", missing: list[str]
    ) -> _Found | None:
        """The pages of an image; None where it has none, or none that are here."""
        if not image.runs:
            self._note([f"left out: '{image.name}', whose OME-XML names no pixels"])
            return None
        if image.has_modulo:
            raise self._refuse(
                f"has more axes than time, z and channel ('{image.name}' is annotated as modulo). "
                "Save it as hyperstack in Fiji"
            )
        runs = []
        for run in image.runs:
            path = files.find(run.uuid, run.file)
            if path is None:
                name = Path(run.file.replace("\\", "/")).name
                if name not in missing:
                    missing.append(name)
            else:
                runs.append((run, path))
        if not runs:
            return None
        if len(runs) < len(image.runs):
            raise self._refuse(_tell_missing(missing))
        self._add_files(dict.fromkeys(path for _, path in runs))
        first_run, first_path = runs[0]
        page = self._load(_Place(first_path, first_run.page))
        if (page.imagelength, page.imagewidth) != (image.height, image.width):
            raise self._refuse(
                f"its OME-XML speaks of {image.width} x {image.height} pixels, but its pages have "
                f"{page.imagewidth} x {page.imagelength}: they are not of the same image"
            )
        sizes = {"T": image.n_frames, "Z": image.n_slices, "C": image.n_channels}
        if sizes["C"] % page.samplesperpixel == 0:
            sizes["C"] //= page.samplesperpixel
        elif sizes["C"] > 1:
            raise self._refuse(
                f"its OME-XML speaks of {sizes['C']} channels, but its pages have "
                f"{page.samplesperpixel} samples per pixel"
            )
        shape = [sizes[axis] for axis in image.order]
        places: list[_Place | None] = [None] * math.prod(shape)
        for run, path in runs:
            at = dict(zip("TZC", run.start, strict=True))
            if any(at[axis] >= sizes[axis] for axis in "TZC"):
                self._note(["its OME-XML names planes outside of its own sizes; left out"])
                continue
            start = int(np.ravel_multi_index([at[axis] for axis in image.order], shape))
            n_pages = run.n_pages
            if n_pages is None:
                n_pages = len(self._list_pages(path).pages) - run.page
            for i in range(min(n_pages, len(places) - start)):
                places[start + i] = _Place(path, run.page + i)
        self._check_ome_pages(places)
        axes, outer = image.order + page.axes, tuple(shape)
        return _Found(axes, (*outer, *page.shape), places, name=image.name, scale=image.scale)

    def _check_ome_pages(self, places: list[_Place | None]) -> None:
        """Look up pages of this file, and refuse if one is lost or of another kind."""
        chain = self._list_pages(self._path).pages
        for i, place in enumerate(places):
            if place is None or place.path != self._path:
                continue
            if place.page >= len(chain):
                raise ValueError(
                    f"its OME-XML names page {place.page + 1}, but it has {len(chain)}: truncated "
                    "or changed since"
                )
            places[i] = place._replace(offset=chain[place.page].offset)

    def _drop_side_pictures(self, found: list[_Found]) -> list[_Found]:
        """Leave out the pictures of the slide beside the image."""
        kept = [one for one in found if one.name.lower() not in _SIDE_NAMES]
        if not kept or len(kept) == len(found):
            return found
        for one in found:
            if one not in kept:
                sizes = dict(zip(one.axes, one.shape, strict=True))
                self._note([f"left out: {one.name}, {sizes['X']} x {sizes['Y']} pixels"])
        return kept

    # --- pixels --------------------------------------------------------------------------------

    def _read_plane(self, stack: _Stack, at: dict[str, int]) -> Array:
        channel = at["C"]
        index = list(stack.fixed)
        for i in reversed(range(len(stack.roles))):
            role = stack.roles[i]
            if role == "C":  # several axes count as one, the last fastest
                channel, index[i] = divmod(channel, stack.sizes[i])
            elif role in "TZ":
                index[i] = at[role]
        first = min(stack.roles.index(role) for role in "YXS" if role in stack.roles)
        inner = stack.shape[first:]
        start = int(np.ravel_multi_index(index[:first], stack.shape[:first])) if first else 0
        block = self._read_flat(stack, start * math.prod(inner), math.prod(inner)).reshape(inner)
        roles = stack.roles[first:]
        plane = block[
            tuple(
                slice(None) if role in "YXS" else index[first + i] for i, role in enumerate(roles)
            )
        ]
        left = [role for role in roles if role in "YXS"]
        plane = plane.transpose([left.index(role) for role in "YXS" if role in left])
        if stack.transform is not None:
            plane = stack.transform(plane)
        if stack.look.is_inverted:
            plane = _invert(plane, stack.look.page.bitspersample)
        if stack.look.colours is not None:
            plane = stack.look.colours[plane.astype(np.intp)]
        return np.ascontiguousarray(plane)

    def _read_flat(self, stack: _Stack, start: int, count: int) -> Array:
        """Numbers from the pixels of all pages behind each other."""
        if stack.offset is not None:
            return self._read_behind(stack, start, count)
        size = stack.page_size
        parts = []
        for number in range(start // size, (start + count - 1) // size + 1):
            place = stack.pages[number]
            if place is None:
                raise InputError(
                    f"{stack.path}: plane {number + 1} was not recorded. Take the channel, slice "
                    "or frame out of the sample sheet."
                )
            parts.append(self._read_page(stack, place).reshape(-1))
        flat = parts[0] if len(parts) == 1 else np.concatenate(parts)
        skip = start - start // size * size
        return flat[skip : skip + count]

    def _read_behind(self, stack: _Stack, start: int, count: int) -> Array:
        page = stack.look.page
        dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        with stack.path.open("rb") as file:
            file.seek((stack.offset or 0) + start * dtype.itemsize)
            data = file.read(count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise ValueError("its pixels go beyond the end of the file: truncated")
        return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))

    def _read_page(self, stack: _Stack, place: Any) -> Array:
        page, first = self._load(place), stack.look.page
        key = page.keyframe
        same = ("shape", "dtype", "photometric")
        if any(getattr(key, name) != getattr(first, name) for name in same):
            raise self._refuse(
                f"its page {page.index + 1} ({_describe_page(key)}) is of another kind than the "
                f"first ({_describe_page(first)})"
            )
        colours = stack.look.colours
        if colours is not None and not np.array_equal(_to_bytes(key.colormap), colours):
            raise self._refuse(f"its page {page.index + 1} has a palette of its own")
        self._check_support(key)
        self._check_whole(page)
        try:
            return np.asarray(page.asarray(maxworkers=1))
        except (NotImplementedError, ImportError) as error:
            raise self._refuse(f"cannot be read here ({error}); {_LOSSY}") from error

    # --- files ---------------------------------------------------------------------------------

    def _list_pages(self, path: Path) -> PageChain:
        if path not in self._chains:
            self._chains[path] = list_pages(path)
        return self._chains[path]

    def _open(self, path: Path) -> Any:
        """The open TIFF of this path; those used longest ago are closed."""
        tif = self._tifs.pop(path, None) or tifffile.TiffFile(path)
        self._tifs[path] = tif
        if len(self._tifs) > _MOST_OPEN_FILES:
            oldest = next(known for known in self._tifs if known != self._path)
            self._tifs.pop(oldest).close()
        return tif

    def _load(self, place: Any) -> Any:
        """The page of a place, with its entries."""
        if not isinstance(place, _Place):
            if place.parent.filehandle.closed:
                place.parent.filehandle.open()
                self._tifs[Path(place.parent.filehandle.path)] = place.parent
            return place
        offset = place.offset
        if not offset:
            pages = self._list_pages(place.path).pages
            if place.page >= len(pages):
                raise InputError(
                    f"{place.path}: has {len(pages)} pages, but page {place.page + 1} should be in "
                    "it. It is damaged or was changed; copy or export it again."
                )
            offset = pages[place.page].offset
        tif = self._open(place.path)
        tif.filehandle.seek(offset)
        return tifffile.TiffPage(tif, place.page)


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
        return self._holder if self._is_alone and self._is_tiff else None


_ROLES = {"I": "?", "Q": "?", "E": "C", "R": "P", "P": "P", "M": "P", "J": "P", "K": "P"}
_STRANGE = {
    "A": "angle (A)", "H": "lifetime (H)", "L": "exposure (L)", "V": "event (V)",
}  # fmt: skip
_SIDE_NAMES = ("label image", "macro image", "label", "macro", "thumbnail", "overview image")


def _listed(value: Any) -> Sequence[int]:
    return value if isinstance(value, Sequence) else (value,)


def _name(kinds: Any, value: int) -> str:
    try:
        return str(kinds(value).name)
    except ValueError:
        return f"method {value}"


def _tell_missing(names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:5]) + (", ..." if len(names) > 5 else "")
    return f"belongs to a set of files of which {listed} is missing. Put all files into one folder"


def _describe_page(page: Any) -> str:
    return f"{'x'.join(map(str, page.shape))} {page.dtype}"


def _compare(number: int, entry: PageEntry, first: PageEntry) -> str:
    return (
        f"is no stack: page {number + 1} is {entry.width} x {entry.height} pixels of "
        f"{entry.samples} x {entry.bits} bits, but the first is {first.width} x {first.height} of "
        f"{first.samples} x {first.bits} bits"
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


def _to_bytes(colormap: Array) -> Array:
    """Colours (index, 3) in 8 bits; TIFF has 16, and some writers put 8 there."""
    colours = colormap.T
    return (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)


def _parse_shaped(description: str) -> dict[str, Any]:
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


def _merge_equal(found: list[_Found]) -> list[_Found]:
    """Single images of one size, written one by one, are a stack of one unnamed axis."""
    if len(found) < 2 or any(one.name or one.offset is not None for one in found):
        return found
    first = found[0]
    if any((one.axes, one.shape) != (first.axes, first.shape) for one in found):
        return found
    if any(n > 1 and axis not in "YXS" for axis, n in zip(first.axes, first.shape, strict=True)):
        return found
    pages = [page for one in found for page in one.pages]
    return [_Found("I" + first.axes, (len(pages), *first.shape), pages)]


def _count_recorded(n_planes: Array) -> int:
    """Time points up to the last recorded one, without one that was cut off by the end of the run.

    A channel may be recorded at each tenth time point only: that cuts nothing off.
    """
    recorded = np.flatnonzero(n_planes)
    if len(recorded) == 0:
        return 0
    last = int(recorded[-1])
    return last if last > 0 and n_planes[last] < n_planes[last - 1] else last + 1


def _invert(plane: Array, bits: int) -> Array:
    """What is seen of numbers of which the smallest is white."""
    if plane.dtype.kind == "b":
        return ~plane
    return np.asarray(plane.dtype.type((1 << bits) - 1) - plane)


@contextmanager
def _silence_tifffile() -> Iterator[None]:
    """Keep tifffile from writing to the log what is judged here."""
    logger = logging.getLogger("tifffile")
    was = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = was

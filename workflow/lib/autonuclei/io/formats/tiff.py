"""TIFF in the dialects of microscopes: what its pages are, and one plane on request.

Whatever the dialect, an image is brought into one form (`_Stack`): an array of some axes whose
pixels lie in pages, one behind the other. Which pages, and what the axes are, says the dialect;
how a plane is read from them is the same for all.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    LARGEST_PIECE_PX,
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    Window,
    explain_damage,
)
from autonuclei.io.formats.tiff_dialects import Found, find_dialect, find_images
from autonuclei.io.formats.tiff_files import (
    SAVE_AGAIN,
    Place,
    TiffFiles,
    check_support,
    check_whole,
    silence_tifffile,
)
from autonuclei.io.formats.tiff_metadata import Scale, read_scale
from autonuclei.io.formats.tiff_ome_files import find_ome_images
from autonuclei.io.formats.tiff_pages import PageEntry
from autonuclei.io.formats.tiff_windows import count_piece, read_page_window

# Dialects whose palettes are for display: the pixels are intensities.
_INTENSITIES = ("lsm", "fluoview", "stk", "mmstack", "ndtiff", "scanimage", "sis")
_MOST_BYTES = 2**40
# Bytes that one byte of a compression can stand for; more is a damaged header.
_BEST_COMPRESSION = {5: 3000, 8: 1100, 32946: 1100, 32773: 130}
_BEST_OF_OTHERS = 40000
# A plane of more bytes than this of which a byte stands for more than that has no picture in it.
_LARGE_BYTES, _BEST_PICTURE = 2**28, 1000


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
    `offset` is the place of the pixels where all lie behind each other without pages. Where
    `window` is set, no more than that of each page counts, in `shape` too.
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
    window: Window | None = None

    @property
    def page_size(self) -> int:
        """Numbers that a page adds."""
        page = self.look.page
        if self.window is None:
            return math.prod(page.shape)
        row, end_row, column, end_column = self.window
        return int(page.shaped[0] * page.shaped[-1]) * (end_row - row) * (end_column - column)

    @property
    def has_plane_pages(self) -> bool:
        """Whether each page has the rows and columns of a plane, so that part of it can be read."""
        page = self.look.page
        sizes = dict(zip(self.roles, self.shape, strict=True))
        is_plane = (page.imagelength, page.imagewidth) == (sizes["Y"], sizes["X"])
        return self.offset is None and is_plane and page.imagedepth == 1

    def count(self, role: str) -> int:
        return math.prod(n for r, n in zip(self.roles, self.sizes, strict=True) if r == role)


class TiffImageFile(ImageFile):
    """A TIFF file, or the set of files that it belongs to.

    Parameters
    ----------
    path
        Any file of the set.
    as_stored
        Give the numbers of label images: those in the file, not what a palette or an inverted
        scale shows for them.
    """

    def __init__(self, path: Path, *, as_stored: bool = False) -> None:
        self._as_stored = as_stored
        self._files = TiffFiles(path)
        self._stacks: list[_Stack] = []
        try:
            with explain_damage(path), silence_tifffile():
                self.header = self._read_header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file and of the others of its set."""
        self._files.close()

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        """One plane; see `ImageFile.read`."""
        stack = self._stacks[image]
        with silence_tifffile():
            return self._read_plane(stack, {"T": frame, "Z": z, "C": channel})

    def read_window(self, image: int, window: Window, *, frame: int, z: int, channel: int) -> Array:
        """Part of a plane, from the strips or tiles that it lies in."""
        stack = self._stacks[image]
        if stack.offset is None and count_piece(stack.look.page) > LARGEST_PIECE_PX:
            return super().read_window(image, window, frame=frame, z=z, channel=channel)
        with silence_tifffile():
            return self._read_plane(stack, {"T": frame, "Z": z, "C": channel}, window)

    def _read_header(self) -> FileHeader:
        chain = self._files.list_pages(self._files.path)
        if not chain.pages:
            raise ValueError(chain.problem)
        tif = self._files.open(self._files.path)
        dialect = find_dialect(tif)
        # A stack of MetaMorph has one page, and no end of its chain in some versions.
        if chain.problem and (dialect != "stk" or chain.is_round):
            raise ValueError(chain.problem)
        if dialect == "ome":
            found = find_ome_images(self._files, tif)
        else:
            found = find_images(self._files, tif, dialect)
        images = []
        for number, one in enumerate(found, start=1):
            name = one.name
            if not name and len(found) > 1:
                sizes = dict(zip(one.axes, one.shape, strict=True))
                name = f"image {number}, {sizes.get('X')} x {sizes.get('Y')}"
            images += self._describe(replace(one, name=name), tif, dialect)
        self._note_orientation(tif.pages.first)
        return FileHeader(
            tuple(images), tuple(map(str, self._files.names)), tuple(self._files.notes)
        )

    def _describe(self, found: Found, tif: Any, dialect: str) -> list[ImageHeader]:
        """Understand the axes of a stack; one header for each of its positions."""
        pages = [page for page in found.pages if page is not None]
        if not pages:
            raise self._files.refuse("holds no plane: nothing was recorded")
        self._check_pages_alike(pages)
        page = self._files.load(pages[0])
        scale = found.scale or read_scale(tif, dialect, page.keyframe)
        self._files.note(*scale.notes)
        look = self._judge_look(page.keyframe, dialect)
        stack = _Stack(
            self._files.path, tuple(map(int, found.shape)), found.pages, look,
            offset=found.offset, transform=found.transform,
        )  # fmt: skip
        _check_claim(stack, page, as_stored=self._as_stored)
        check_whole(page)
        if found.offset is None and len(pages) > 1:
            check_whole(self._files.load(pages[-1]))
        stack = self._assign_roles(stack, found.axes)
        n_positions = stack.count("P")
        headers = []
        by_position = [
            n if role == "P" else 1 for role, n in zip(stack.roles, stack.shape, strict=True)
        ]
        for number, fixed in enumerate(np.ndindex(*by_position)):
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
        outer = _count_outer(stack)
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
            self._files.note(
                f"left out{of}: the last {n_frames - n_whole} of {n_frames} time points, which "
                "were not recorded whole"
            )
        n_missing = int((~by_frame[:n_whole]).sum())
        if n_missing:
            self._files.note(f"{n_missing} planes{of} were not recorded and cannot be read")
        return n_whole

    def _assign_roles(self, stack: _Stack, axes: str) -> _Stack:
        """Understand the letters of the axes."""
        page = stack.look.page
        if stack.shape == (1, 1):  # of which tifffile does not say the axes
            axes = "YX"
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
            raise self._files.refuse(f"holds no images of rows and columns, {listed}")
        if named.count("?") > 1 or ("?" in named and "T" in named):
            raise self._files.refuse(
                f"has axes without a name, {listed}. Save it with names for its axes, in Fiji as "
                "hyperstack (Image > Hyperstacks), with tifffile with metadata={'axes': 'TCYX'}"
            )
        named = named.replace("?", "T")
        strange = [axis for axis, role in zip(axes, named, strict=True) if role not in "TZCYXSP-"]
        if strange:
            names = ", ".join(_STRANGE.get(axis, axis) for axis in strange)
            raise self._files.refuse(
                f"has an axis that is no time, z or channel: {names} ({listed})"
            )
        first = named.index("Y")
        if (
            any(named.count(role) > 1 for role in "TZ")
            or set(named[first:]) & set("TZP")
            or "X" in named[:first]
        ):
            raise self._files.refuse(
                f"has planes that are not stored one by one, {listed}. Save it with the axes "
                "TZCYX, for example in Fiji"
            )
        return replace(stack, roles=named, sizes=tuple(sizes))

    def _judge_samples(self, page: Any, size: int) -> tuple[str, int]:
        """Whether the samples of a pixel are colours (S) or channels (C), and how many count."""
        n_alpha = sum(1 for kind in _listed(page.extrasamples) if kind in (1, 2))
        if page.photometric in (2, 6) and (size == 3 or (size == 4 and n_alpha == 1)):
            return "S", size
        if 0 < n_alpha < size:
            self._files.note("left out: opacity, which lies beside the channels")
            return "C", size - n_alpha
        return "C", size

    def _judge_look(self, page: Any, dialect: str) -> _Look:
        """How pixels are to be shown; refuses what cannot be."""
        check_support(self._files, page)
        if self._as_stored and page.photometric in (0, 3):
            return _Look(page, is_inverted=False, colours=None)
        is_inverted = page.photometric == 0
        if page.bitspersample == 1 and dialect in ("shaped", "ome"):
            is_inverted = False  # tifffile marks each binary image so, and means its numbers
        if is_inverted and np.dtype(page.dtype).kind not in "ub":
            raise self._files.refuse(
                "shows its smallest number as white, which is not defined for numbers with sign "
                "or fraction. Save it again in Fiji (Image > Lookup Tables > Invert LUT first)"
            )
        colours = None
        if page.photometric == 3 and page.colormap is not None and dialect not in _INTENSITIES:
            if page.samplesperpixel > 1 or np.dtype(page.dtype).kind not in "ub":
                raise self._files.refuse(
                    "has a palette for pixels that are no index. Save it in Fiji"
                )
            if not _is_ramp(page.colormap, strict=dialect != "imagej"):
                colours = _to_bytes(page.colormap)
        return _Look(page, is_inverted, colours)

    def _note_orientation(self, page: Any) -> None:
        turned = page.tags.valueof("Orientation", default=1)
        if turned != 1:
            self._files.note(f"its entry Orientation ({turned}) is not applied, as in Fiji")

    def _check_pages_alike(self, pages: Iterable[Any]) -> None:
        """Refuse a stack in which a page of this file is of another kind than the first."""
        entries = {entry.offset: entry for entry in self._files.list_pages(self._files.path).pages}
        first: PageEntry | None = None
        for page in pages:
            entry = None
            if isinstance(page, Place) and page.path == self._files.path:
                entry = entries.get(page.offset)
            if entry is None:
                continue
            first = first or entry
            if entry.kind != first.kind:
                raise self._files.refuse(_compare(page.page, entry, first))

    def _read_plane(self, stack: _Stack, at: dict[str, int], window: Window | None = None) -> Array:
        """The plane at these numbers of T, Z and C, or the part of it in a window."""
        channel = at["C"]
        index = list(stack.fixed)
        for i in reversed(range(len(stack.roles))):
            role = stack.roles[i]
            if role == "C":  # several axes count as one, the last fastest
                channel, index[i] = divmod(channel, stack.sizes[i])
            elif role in "TZ":
                index[i] = at[role]
        cut = {"Y": slice(None), "X": slice(None)}
        if window is not None:
            cut = {"Y": slice(*window[:2]), "X": slice(*window[2:])}
            if stack.has_plane_pages:  # of which no more than the window is taken
                sizes = {axis: part.stop - part.start for axis, part in cut.items()}
                shape = (
                    sizes.get(role, n) for role, n in zip(stack.roles, stack.shape, strict=True)
                )
                stack = replace(stack, shape=tuple(shape), window=window)
                cut = {"Y": slice(None), "X": slice(None)}
        first = min(stack.roles.index(role) for role in "YXS" if role in stack.roles)
        inner = stack.shape[first:]
        roles = stack.roles[first:]
        start = int(np.ravel_multi_index(index[:first], stack.shape[:first])) if first else 0
        start *= math.prod(inner)
        if cut["Y"].start is not None and roles[0] == "Y":  # rows before and behind are not read
            size = math.prod(inner[1:])
            start += cut["Y"].start * size
            inner = (cut["Y"].stop - cut["Y"].start, *inner[1:])
            cut["Y"] = slice(None)
        block = self._read_flat(stack, start, math.prod(inner)).reshape(inner)
        plane = block[
            tuple(
                cut.get(role, slice(None)) if role in "YXS" else index[first + i]
                for i, role in enumerate(roles)
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
        """Numbers from pixels that lie behind each other without pages of their own."""
        page = stack.look.page
        dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        with stack.path.open("rb") as file:
            file.seek((stack.offset or 0) + start * dtype.itemsize)
            data = file.read(count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise ValueError("its pixels go beyond the end of the file: truncated")
        return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))

    def _read_page(self, stack: _Stack, place: Any) -> Array:
        """The pixels of a page, which must be of the kind of the first."""
        page, first = self._files.load(place), stack.look.page
        key = page.keyframe
        same = ("shape", "dtype", "photometric")
        if any(getattr(key, name) != getattr(first, name) for name in same):
            raise self._files.refuse(
                f"its page {page.index + 1} ({_describe_page(key)}) is of another kind than the "
                f"first ({_describe_page(first)})"
            )
        colours = stack.look.colours
        if colours is not None and not np.array_equal(_to_bytes(key.colormap), colours):
            raise self._files.refuse(f"its page {page.index + 1} has a palette of its own")
        check_support(self._files, key)
        check_whole(page)
        try:
            if stack.window is not None:
                return read_page_window(page, stack.window)
            return np.asarray(page.asarray(maxworkers=1))
        except (NotImplementedError, ImportError) as error:
            raise self._files.refuse(f"cannot be read here ({error}); {SAVE_AGAIN}") from error


_ROLES = {"I": "?", "Q": "?", "E": "C", "R": "P", "P": "P", "M": "P", "J": "P", "K": "P"}
_STRANGE = {
    "A": "angle (A)", "H": "lifetime (H)", "L": "exposure (L)", "V": "event (V)",
}  # fmt: skip


def _listed(value: Any) -> Sequence[int]:
    return value if isinstance(value, Sequence) else (value,)


def _describe_page(page: Any) -> str:
    return f"{'x'.join(map(str, page.shape))} {page.dtype}"


def _compare(number: int, entry: PageEntry, first: PageEntry) -> str:
    return (
        f"is no stack: page {number + 1} is {entry.width} x {entry.height} pixels of "
        f"{entry.samples} x {entry.bits} bits, but the first is {first.width} x {first.height} of "
        f"{first.samples} x {first.bits} bits"
    )


def _is_ramp(colormap: Array, *, strict: bool) -> bool:
    """Whether the colours of a palette only get brighter: then the index is the intensity.

    `colormap` has a row for each of red, green and blue. Strictly, each of them must rise or stay;
    else their sum as the eye takes it.
    """
    colours = colormap.astype(np.float64)
    if not strict:
        colours = np.array([[0.299, 0.587, 0.114]]) @ colours
    rises = bool((np.diff(colours, axis=1) >= 0).all())
    return rises and bool((colours[:, -1] > colours[:, 0]).any())


def _to_bytes(colormap: Array) -> Array:
    """Colours (index, 3) in 8 bits; TIFF has 16, and some writers put 8 there."""
    colours = colormap.T
    return (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)


def _count_outer(stack: _Stack) -> int:
    """Axes that go from page to page, not within one."""
    outer, size = len(stack.shape), 1
    while outer and size < stack.page_size:
        outer -= 1
        size *= stack.shape[outer]
    return outer


def _check_claim(stack: _Stack, page: Any, *, as_stored: bool) -> None:
    """Refuse a header that claims more pixels than the file can have, before any is read."""
    size = page.parent.filehandle.size
    bits = page.bitspersample if isinstance(page.bitspersample, int) else 8
    claimed = math.prod(page.shape) * bits // 8
    if page.compression == 1 and claimed > size:
        raise ValueError(f"it claims {claimed} bytes of pixels, but has {size}: truncated")
    packed = min(size, sum(page.databytecounts) or size)
    best = _BEST_COMPRESSION.get(page.compression, _BEST_OF_OTHERS)
    if not as_stored and claimed > _LARGE_BYTES:  # label images may be empty
        best = min(best, _BEST_PICTURE)
    if claimed > _MOST_BYTES or claimed > best * packed:
        raise ValueError(f"it claims {claimed} bytes of pixels in {packed}: damaged")
    total = math.prod(stack.shape)
    if stack.offset is not None:
        end = stack.offset + total * np.dtype(page.dtype).itemsize
        if end > size:
            raise ValueError(f"its pixels would end at byte {end}, but it has {size}: truncated")
    elif total != len(stack.pages) * stack.page_size:
        raise ValueError(
            f"it claims {total // stack.page_size} planes, but has {len(stack.pages)} pages"
        )


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

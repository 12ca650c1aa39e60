"""The chain of pages of a TIFF file, read without their pixels and in one pass.

A page is what TIFF calls an image file directory: a list of numbered entries, and the place of the
next. tifffile follows the chain too, but takes a broken one for its end and a round one for a
long one.
"""

import os
import struct
from pathlib import Path
from typing import NamedTuple

_FIRST_BYTES = 4096  # holds nearly every page's entries, so that one read is enough
_MOST_ENTRIES = 4096
_SIZES = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8}  # bytes of the unsigned types of entries


NO_PAGE = "it has no page"


class PageEntry(NamedTuple):
    """What tells one kind of page from another.

    `subfile` is NewSubfileType: 1 a smaller copy, 4 a mask. `has_children` says whether the page
    has pages of its own (SubIFDs: mostly smaller copies).
    """

    offset: int
    width: int = 0
    height: int = 0
    depth: int = 1
    bits: int = 1
    samples: int = 1
    sample_format: int = 1
    photometric: int = -1
    subfile: int = 0
    is_tiled: bool = False
    has_children: bool = False
    text_offset: int = 0
    text_size: int = 0

    @property
    def kind(self) -> tuple[int, ...]:
        """Equal for pages that can belong to one stack."""
        return (self.width, self.height, self.depth, self.bits, self.samples, self.sample_format)


class PageChain(NamedTuple):
    """The pages, and what is wrong with the chain (empty if nothing is)."""

    pages: tuple[PageEntry, ...]
    problem: str
    is_round: bool = False


def list_pages(path: str | os.PathLike[str]) -> PageChain:
    """List the pages of a TIFF or BigTIFF file in the order of its chain.

    Raises
    ------
    ValueError
        The file is no TIFF.
    """
    path = Path(path)
    with path.open("rb", buffering=0) as file:
        return _follow_chain(file.fileno(), path.stat().st_size)


def _follow_chain(file: int, size: int) -> PageChain:
    start = os.pread(file, 16, 0)
    order = {b"II": "<", b"MM": ">", b"EP": "<"}.get(start[:2])
    if order is None or len(start) < 8:
        raise ValueError("it does not begin like a TIFF file")
    is_big = struct.unpack(order + "H", start[2:4])[0] == 43
    if is_big and len(start) < 16:
        raise ValueError("it ends within its first bytes")
    first = start[8:16] if is_big else start[4:8]
    offset = int(struct.unpack(order + ("Q" if is_big else "I"), first)[0])
    layout = _Layout(order, is_big)
    pages: list[PageEntry] = []
    seen: set[int] = set()
    while offset:
        if offset in seen:
            problem = f"its chain of pages goes round after {len(pages)}"
            return PageChain(tuple(pages), problem, is_round=True)
        seen.add(offset)
        page = layout.read_page(file, offset) if offset < size else None
        if page is None:
            return PageChain(
                tuple(pages), f"its chain of pages breaks off after {len(pages)}, it is truncated"
            )
        entry, offset = page
        pages.append(entry)
    return PageChain(tuple(pages), "" if pages else NO_PAGE)


class _Layout:
    """Sizes of numbers in a classic or big TIFF of either byte order."""

    def __init__(self, order: str, is_big: bool) -> None:
        self._order = order
        self._count = struct.Struct(order + ("Q" if is_big else "H"))
        self._entry = struct.Struct(order + ("HHQQ" if is_big else "HHII"))
        self._next = struct.Struct(order + ("Q" if is_big else "I"))
        self._value_size = 8 if is_big else 4

    def read_page(self, file: int, offset: int) -> tuple[PageEntry, int] | None:
        """The page at this place and the place of the next; None where it is cut off."""
        data = os.pread(file, _FIRST_BYTES, offset)
        if len(data) < self._count.size:
            return None
        n = self._count.unpack_from(data)[0]
        if not 0 < n <= _MOST_ENTRIES:
            return None
        end = self._count.size + n * self._entry.size
        if end + self._next.size > len(data):
            data = os.pread(file, end + self._next.size, offset)
            if len(data) < end + self._next.size:
                return None
        values: dict[int, int] = {}
        text = 0, 0
        for tag, kind, count, value in self._entry.iter_unpack(data[self._count.size : end]):
            if tag in _WANTED:
                values[tag] = self._take_value(file, kind, count, value)
            elif tag == 270:
                text = value, count
        entry = PageEntry(
            offset,
            width=values.get(256, 0),
            height=values.get(257, 0),
            depth=values.get(32997, 1),
            bits=values.get(258, 1),
            samples=values.get(277, 1),
            sample_format=values.get(339, 1),
            photometric=values.get(262, -1),
            # The older entry 255 counts: 1 full, 2 smaller copy.
            subfile=values.get(254, 0) or int(values.get(255, 0) == 2),
            is_tiled=322 in values,
            has_children=330 in values,
            text_offset=text[0],
            text_size=text[1],
        )
        return entry, self._next.unpack_from(data, end)[0]

    def _take_value(self, file: int, kind: int, count: int, value: int) -> int:
        """The first number of an entry."""
        size = _SIZES.get(kind, 0)
        if not size or not count:
            return 0
        if size * count > self._value_size:  # it stands elsewhere in the file
            data = os.pread(file, size, value)
            return int.from_bytes(data, "little" if self._order == "<" else "big")
        if self._order == ">":
            return value >> 8 * (self._value_size - size)
        return value & (1 << 8 * size) - 1


_WANTED = frozenset({254, 255, 256, 257, 258, 262, 277, 322, 330, 339, 32997})

"""Small files as Micro-Manager writes them: its stacks with an index, and NDTiff."""

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Planes = Iterable[tuple[Mapping[str, Any], Array]]


def write_page(offset: int, plane: Array, metadata: bytes, text: bytes, is_last: bool) -> bytes:
    """A page of 13 entries with its pixels 162 bytes behind its start, as the programs expect."""
    pixels = offset + 162
    behind = pixels + plane.nbytes
    height, width = plane.shape
    end = behind + len(metadata) + len(text)
    end += end % 2
    entries = [
        (254, 4, 1, 0), (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8 * plane.itemsize),
        (259, 3, 1, 1), (262, 3, 1, 1), (270, 2, len(text), behind + len(metadata)),
        (273, 4, 1, pixels), (277, 3, 1, 1), (278, 3, 1, height), (279, 4, 1, plane.nbytes),
        (339, 3, 1, 1), (51123, 2, len(metadata), behind),
    ]  # fmt: skip
    page = struct.pack("<H", len(entries))
    page += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    page += struct.pack("<I", 0 if is_last else end)
    data = page + plane.tobytes() + metadata + text
    return data + b"\0" * (end - offset - len(data))


def write_mmstack(path: Path, planes: Planes, summary: Mapping[str, Any]) -> None:
    """A stack of Micro-Manager; each plane has its numbers of c, z, t and p."""
    planes = list(planes)
    said = json.dumps({"MicroManagerVersion": "2.0", **summary}).encode()
    said += b" " * (len(said) % 2)
    content = bytearray(40) + said
    index = []
    for number, (at, plane) in enumerate(planes):
        index.append((at.get("c", 0), at.get("z", 0), at.get("t", 0), at.get("p", 0), len(content)))
        metadata = json.dumps({"ElapsedTime-ms": 1000 * at.get("t", 0)}).encode() + b"\0"
        content += write_page(len(content), plane, metadata, b"{}\0\0", number == len(planes) - 1)
    content[:40] = struct.pack(
        "<2sH9I", b"II", 42, 40 + len(said), 54773648, len(content), 0, 0, 0, 0, 2355492, len(said)
    )  # fmt: skip
    content += struct.pack("<II", 3453623, len(index))
    content += b"".join(struct.pack("<5I", *entry) for entry in index)
    path.write_bytes(content)


def write_ndtiff(path: Path, planes: Planes, summary: Mapping[str, Any]) -> None:
    """A file of NDTiff, and its entries in the index; each plane has its place on named axes."""
    planes = list(planes)
    said = json.dumps(dict(summary)).encode()
    said += b" " * (len(said) % 2)
    content = bytearray(28) + said
    content[:28] = struct.pack(
        "<2sH6I", b"II", 42, 28 + len(said), 483729, 3, 3, 2355492, len(said)
    )  # fmt: skip
    index = bytearray()
    for number, (at, plane) in enumerate(planes):
        axes, name = json.dumps(dict(at)).encode(), path.name.encode()
        index += struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name
        height, width = plane.shape
        kind = 0 if plane.itemsize == 1 else 1
        behind = len(content) + 162 + plane.nbytes
        index += struct.pack(
            "<IiiiiIii", len(content) + 162, width, height, kind, 0, behind, 2, 0
        )  # fmt: skip
        content += write_page(len(content), plane, b"{}", b"{}\0\0", number == len(planes) - 1)
    path.write_bytes(content)
    with path.with_name("NDTiff.index").open("ab") as file:
        file.write(index)


def name_planes(stack: Array, axes: str) -> Planes:
    """Planes of a stack with their numbers on the axes before the last two."""
    for index in np.ndindex(stack.shape[:-2]):
        yield dict(zip(axes, index, strict=True)), stack[index]

"""The outlines that the network finds in a block of a large image, and their files."""

import itertools
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.preprocessing import scaled_shape, stretch_image
from autonuclei.annotate.windows import prepare_image, rescale_to
from autonuclei.io.files import write_beside
from autonuclei.io.formats.base import Window
from autonuclei.io.lazy_planes import ArrayLike, LazyPlane
from autonuclei.labels.blocks import Block
from autonuclei.segment.image_numbers import ImageNumbers
from autonuclei.segment.memory import LARGEST_PART, LARGEST_TILE
from autonuclei.segment.prediction import count_tiles, place_polygons
from autonuclei.train.networks import Network
from autonuclei.train.onnx_network import OnnxNetwork

Array = npt.NDArray[Any]

# A block is seen with a margin of the reach of the network and so many radii of its largest nuclei,
# but for one in a hundred: of those beside the block, and of those that compete with these. In
# pixels of the network; at least so many, since radii are known only afterwards.
MARGIN_RADII = 4
LEAST_MARGIN_PX = 96


class FoundPolygons(NamedTuple):
    """Outlines of nuclei.

    Attributes
    ----------
    polygons : (n, 2, rays) float64
        Rows and columns of the corners, in px of the image.
    probability : (n,) float32
    centres : (n, 2) int64
        Rows and columns of the points on the grid of the network that they belong to, in its px.
    """

    polygons: Array
    probability: Array
    centres: Array


def find_block_polygons(
    network: Network | OnnxNetwork,
    image: ArrayLike,
    block: Block,
    numbers: ImageNumbers,
    steps: Mapping[str, Any],
    *,
    megapixels_per_tile: float = LARGEST_TILE,
    megapixels_per_part: float = LARGEST_PART,
    minimum_probability: float | None = None,
) -> FoundPolygons:
    """Find the nuclei of a large image whose centres lie in a block.

    Those of all its blocks are those of the image, but for rounding: the network sees the same
    pixels on the same grid.

    Parameters
    ----------
    network
        As `networks.load_network` gives it.
    image
        Raw grey values of the whole image, of which a part is read.
    block
        In px of the image.
    numbers
        Of the whole image.
    steps
        Of its preparation, as `settings.list_steps` gives them.
    megapixels_per_tile, minimum_probability
        As of `prediction.predict_nuclei`.
    megapixels_per_part
        A block that the network sees enlarged to more than this, in its pixels, is gone through
        in parts, as if each were a block.
    """
    seen = _prepare(image, numbers, steps, network.scale)
    core = _to_grid(block, image.shape, seen.shape, network.divisor)
    parts = [
        _find_in_part(network, seen, part, megapixels_per_tile, minimum_probability)
        for part in _cut_core(core, network.divisor, megapixels_per_part)
    ]
    polygons, probability, centres = map(np.concatenate, zip(*parts, strict=True))
    placed = place_polygons(polygons, image.shape, seen.shape)
    return FoundPolygons(placed, probability, centres)


def _find_in_part(
    network: Network | OnnxNetwork,
    seen: LazyPlane,
    core: Block,
    megapixels_per_tile: float,
    minimum_probability: float | None,
) -> FoundPolygons:
    """Find the nuclei with their centres in part of an image, all in px of the network."""
    divisor, reach = network.divisor, network.reach
    margin, wanted = 0, float(LEAST_MARGIN_PX)
    while margin < reach + wanted:
        margin = math.ceil((reach + wanted) / divisor) * divisor
        window = core.grow(margin, seen.shape)
        part = seen[window.slices]
        polygons, probability = network.find_polygons(
            part,
            minimum_probability=minimum_probability,
            tiles=count_tiles(part.shape, megapixels_per_tile),
        )
        polygons = np.asarray(polygons, np.float64)
        polygons += np.array([[window.row], [window.column]])
        centres = find_centres(polygons)
        inside = (centres[:, 0] >= core.row) & (centres[:, 0] < core.end_row)
        inside &= (centres[:, 1] >= core.column) & (centres[:, 1] < core.end_column)
        polygons, centres = polygons[inside], centres[inside]
        radii = np.abs(polygons - centres[:, :, None]).max(axis=(1, 2), initial=0)
        if len(radii):
            largest = float(np.percentile(radii, 99))
            wanted = min(MARGIN_RADII * largest, float(max(seen.shape)))
    return FoundPolygons(polygons, np.asarray(probability, np.float32)[inside], centres)


def _prepare(
    image: ArrayLike, numbers: ImageNumbers, steps: Mapping[str, Any], scale: float
) -> LazyPlane:
    """The image as the network sees it."""
    prepared = prepare_image(image, (numbers.minimum, numbers.maximum), **steps)

    def read(window: Window) -> Array:
        return stretch_image(prepared[Block(*window).slices], numbers.dark, numbers.bright)

    height, width = prepared.shape
    normal = LazyPlane((height, width), np.float32, read)
    return normal if scale == 1 else rescale_to(normal, scaled_shape(normal.shape, scale))


def _to_grid(block: Block, shape: tuple[int, ...], seen: tuple[int, ...], divisor: int) -> Block:
    """The block in px of the network, from and to multiples of its divisor or the border."""

    def place(edge: int, size: int, new_size: int) -> int:
        if edge == size:
            return new_size
        return min(new_size, round(edge * new_size / size / divisor) * divisor)

    return Block(
        place(block.row, shape[0], seen[0]),
        place(block.end_row, shape[0], seen[0]),
        place(block.column, shape[1], seen[1]),
        place(block.end_column, shape[1], seen[1]),
    )


def _cut_core(core: Block, divisor: int, megapixels: float) -> list[Block]:
    """Parts of a block in px of the network, cut at multiples of its divisor."""

    def cut(start: int, end: int, n: int) -> list[int]:
        edges = [start + round((end - start) * i / n / divisor) * divisor for i in range(n)]
        return [*edges, end]

    n_rows, n_columns = count_tiles(core.shape, megapixels)
    return [
        Block(row, end_row, column, end_column)
        for row, end_row in itertools.pairwise(cut(core.row, core.end_row, n_rows))
        for column, end_column in itertools.pairwise(cut(core.column, core.end_column, n_columns))
    ]


def find_centres(polygons: Array) -> npt.NDArray[np.int64]:
    """Points of the grid that star-convex polygons belong to, (n, 2) rows and columns.

    The first corner lies beside its point, the others on rays at even angles.
    """
    n_rays = polygons.shape[2]
    angle = 2 * np.pi / n_rays
    row = polygons[:, 0, 0]
    # Of the rays near a right angle the column is known best.
    best = max(1, round(n_rays / 4))
    across = (polygons[:, 0, best] - row) / np.tan(best * angle)
    return np.round(np.stack([row, polygons[:, 1, best] - across], axis=1)).astype(np.int64)


def write_polygons(path: str | os.PathLike[str], found: FoundPolygons) -> None:
    """Write outlines as `read_polygons` reads them."""
    with write_beside(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **found._asdict())


def read_polygons(paths: Iterable[str | os.PathLike[str]]) -> FoundPolygons:
    """Read the outlines of all blocks, in the order in which one piece would have them.

    The most probable come first, of equal ones the last of the grid.
    """
    found = []
    for path in paths:
        with np.load(Path(path)) as file:
            found.append(FoundPolygons(*(file[name] for name in FoundPolygons._fields)))
    # Blocks without nuclei do not know how many rays there are.
    known = [own for own in found if len(own.polygons)] or found[:1]
    polygons, probability, centres = map(np.concatenate, zip(*known, strict=True))
    order = np.lexsort((centres[:, 1], centres[:, 0], probability))[::-1]
    return FoundPolygons(polygons[order], probability[order], centres[order])


def write_numbers(
    path: str | os.PathLike[str], record: Mapping[str, Any], numbers: ImageNumbers | None
) -> None:
    """Write what was read of a large frame (`planes.read_frame`), and its numbers if sound."""
    plain = {key: v.item() if isinstance(v, np.generic) else v for key, v in record.items()}
    content = {"record": plain, "numbers": numbers and asdict(numbers)}
    with write_beside(path) as partial:
        partial.write_text(json.dumps(content, indent=1))


def read_numbers(path: str | os.PathLike[str]) -> tuple[dict[str, Any], ImageNumbers | None]:
    """Read what `write_numbers` wrote."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    numbers = content["numbers"]
    return content["record"], None if numbers is None else ImageNumbers(**numbers)

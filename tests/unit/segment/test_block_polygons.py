"""The nuclei that the network finds in the blocks of an image are those of the whole image."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.preprocessing import normalize_image, preprocess_image, rescale_image
from autonuclei.labels.blocks import Block, list_blocks
from autonuclei.segment.block_polygons import (
    FoundPolygons,
    find_block_polygons,
    find_centres,
    read_numbers,
    read_polygons,
    write_numbers,
    write_polygons,
)
from autonuclei.segment.image_numbers import ImageNumbers, measure_image
from autonuclei.segment.prediction import place_polygons
from autonuclei.settings import PreprocessSettings, list_steps
from shapes import draw_disks, photograph

Array = npt.NDArray[Any]
STEPS = list_steps(PreprocessSettings())
STEPS.pop("crop", None)


class PeakNetwork:
    """Stands for a network: outlines around the peaks of a blurred image, on a grid of 2 px.

    What it says of a pixel depends on those up to 24 px away, and on where the grid lies.
    """

    divisor, reach = 16, 24

    def __init__(self, scale: float = 1.0, rays: int = 18) -> None:
        self.scale = scale
        self.rays = rays

    def find_polygons(self, image: Array, **options: Any) -> tuple[Array, Array]:
        blurred = ndi.gaussian_filter(image, 5.0, truncate=4.0)[::2, ::2]
        peak = (blurred == ndi.maximum_filter(blurred, 3)) & (blurred > 0.4)
        centres = 2 * np.argwhere(peak)
        value = blurred[peak].astype(np.float32)
        angle = np.linspace(0, 2 * np.pi, self.rays, endpoint=False)
        rays = 4 + 8 * value[:, None] + np.cos(3 * angle)
        corners = centres[:, :, None] + rays[:, None] * np.stack([np.sin(angle), np.cos(angle)])
        order = np.argsort(value)[::-1]
        return corners[order].astype(np.float32), value[order]


@pytest.mark.parametrize("scale", [1.0, 0.8])
@pytest.mark.parametrize("steps", [{}, {"values": "8bit", "scale": 1.3}])
def test_blocks_give_the_nuclei_of_the_image(
    scale: float, steps: dict[str, Any], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    centres = [(y + rng.uniform(-4, 4), x + rng.uniform(-4, 4)) for y, x in _list_grid()]
    image = photograph(draw_disks((330, 390), centres, 9), brightness=1500)
    network: Any = PeakNetwork(scale)
    own = STEPS | steps
    prepared = normalize_image(preprocess_image(image, **own))
    seen = prepared if scale == 1 else rescale_image(prepared, scale)
    polygons, probability = network.find_polygons(seen)
    polygons = place_polygons(polygons, image.shape, seen.shape)
    assert len(polygons) > 80
    numbers = measure_image(image, own)
    for side in rng.integers(90, 400, 4):
        paths = []
        for i, block in enumerate(list_blocks(image.shape, int(side))):
            paths.append(tmp_path / f"{side}_{i}.npz")
            # Some blocks in one piece, some in up to 25 parts.
            most = float(rng.choice([0.01, 0.03, 1]))
            found = find_block_polygons(
                network, image, block, numbers, own, megapixels_per_part=most
            )
            write_polygons(paths[-1], found)
        joined = read_polygons(paths)
        assert len(joined.polygons) == len(polygons)
        np.testing.assert_allclose(joined.probability, probability, atol=1e-5)
        # Those of nearly the same probability may have changed places.
        same = _sort(joined.polygons), _sort(polygons)
        np.testing.assert_allclose(*same, atol=0.01)


def _list_grid() -> list[tuple[int, int]]:
    return [(y, x) for y in range(5, 330, 32) for x in range(5, 390, 32)]


def _sort(polygons: Array) -> Array:
    middle = np.round(polygons.mean(axis=2)).astype(int)
    return polygons[np.lexsort(middle.T)]


@pytest.mark.parametrize("rays", [8, 9, 16, 31, 32, 64])
def test_centres_are_found_in_the_outlines(rays: int) -> None:
    rng = np.random.default_rng(rays)
    centres = rng.integers(0, 5000, (50, 2))
    angle = np.linspace(0, 2 * np.pi, rays, endpoint=False)
    lengths = rng.uniform(0.001, 80, (50, rays))
    corners = centres[:, :, None] + lengths[:, None] * np.stack([np.sin(angle), np.cos(angle)])
    np.testing.assert_array_equal(find_centres(corners.astype(np.float32)), centres)
    assert find_centres(np.zeros((0, 2, rays))).shape == (0, 2)


def test_files_without_nuclei_and_equal_probabilities(tmp_path: Path) -> None:
    def write(name: str, centres: list[tuple[int, int]], probability: list[float]) -> Path:
        polygons = np.zeros((len(centres), 2, 8 if not centres else 16))
        known = np.array(centres, int).reshape(-1, 2)
        found = FoundPolygons(polygons, np.array(probability, np.float32), known)
        write_polygons(tmp_path / name, found)
        return tmp_path / name

    empty = write("0.npz", [], [])
    first = write("1.npz", [(2, 4), (2, 8)], [0.5, 0.25])
    last = write("2.npz", [(6, 4), (2, 6)], [0.25, 0.5])
    joined = read_polygons([empty, first, last])
    # As one piece sorts them: the most probable first, then the last on the grid.
    assert joined.centres.tolist() == [[2, 6], [2, 4], [6, 4], [2, 8]]
    assert joined.polygons.shape == (4, 2, 16)
    assert len(read_polygons([empty, empty]).probability) == 0


def test_numbers_are_kept(tmp_path: Path) -> None:
    numbers = ImageNumbers(0.1, 65535.0, 1 / 3, 2.0, 7e-300, False)
    record = {"frame": 3, "minimum": np.uint16(7), "problem": ""}
    write_numbers(tmp_path / "image.json", record, numbers)
    assert read_numbers(tmp_path / "image.json") == ({**record, "minimum": 7}, numbers)
    write_numbers(tmp_path / "image.json", {"minimum": np.nan, "problem": "torn"}, None)
    read, nothing = read_numbers(tmp_path / "image.json")
    assert np.isnan(read["minimum"])
    assert read["problem"] == "torn"
    assert nothing is None


def test_a_block_outside_of_all_nuclei_has_none() -> None:
    image = photograph(draw_disks((200, 400), [(60, 60)], 9))
    network: Any = PeakNetwork()
    numbers = measure_image(image, STEPS)
    found = find_block_polygons(network, image, Block(0, 200, 200, 400), numbers, STEPS)
    assert found.polygons.shape == (0, 2, 18)
    assert len(find_block_polygons(network, image, Block(0, 200, 0, 200), numbers, STEPS)[1]) == 1


def test_the_network_sees_a_block_in_parts() -> None:
    image = photograph(draw_disks((320, 320), [(60, 60), (200, 250)], 9))
    numbers = measure_image(image, STEPS)
    sizes = []

    class WatchedNetwork(PeakNetwork):
        def find_polygons(self, image: Array, **options: Any) -> tuple[Array, Array]:
            sizes.append(image.size)
            return super().find_polygons(image, **options)

    network: Any = WatchedNetwork(scale=2.0)
    block = Block(0, 320, 0, 320)
    whole = find_block_polygons(network, image, block, numbers, STEPS)
    assert sizes == [640 * 640]
    sizes.clear()
    parts = find_block_polygons(network, image, block, numbers, STEPS, megapixels_per_part=0.05)
    assert len(sizes) >= 9
    # A part of up to 0.05 megapixels and 128 px on each side.
    assert max(sizes) <= (224 + 2 * 128) ** 2
    np.testing.assert_allclose(_sort(parts.polygons), _sort(whole.polygons), atol=0.01)

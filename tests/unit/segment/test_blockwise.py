"""A large image is drawn block by block: the same nuclei as in one piece."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.filtering import estimate_noise
from autonuclei.io.scratch import ScratchImage
from autonuclei.labels.blocks import list_blocks
from autonuclei.segment.blockwise import draw_in_blocks
from autonuclei.segment.prediction import draw_nuclei

Array = npt.NDArray[Any]
SHAPE = (360, 450)


def draw_field(seed: int) -> tuple[Array, Array, Array]:
    """A noisy image of nuclei on uneven light, and outlines of a network that is not good.

    Some nuclei touch and are taken for one, some are dim, some have no edge, and some lie at the
    border.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    image = 100 + 0.1 * rows
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    polygons = []
    for y in range(0, SHAPE[0] + 1, 45):
        for x in range(0, SHAPE[1] + 1, 40):
            y0, x0 = y + rng.uniform(-8, 8), x + rng.uniform(-8, 8)
            radius = rng.uniform(9, 14)
            brightness = rng.choice([15, 60, 120, 200])
            window = np.s_[max(0, int(y0) - 40) : int(y0) + 41, max(0, int(x0) - 40) : int(x0) + 41]
            distance = np.hypot(rows[window] - y0, columns[window] - x0)
            if rng.random() < 0.1:
                image[window] += brightness * np.exp(-((distance / 20) ** 2))
            else:
                image[window] += brightness * (distance < radius)
            stretch = 1.9 if rng.random() < 0.15 else 1.0
            if stretch > 1:
                other = np.hypot(rows[window] - y0, columns[window] - x0 - 1.6 * radius)
                image[window] = np.where(other < radius, image[window] + brightness, image[window])
            along = x0 + (stretch > 1) * 0.8 * radius
            ray = radius * rng.uniform(0.85, 1.1, 32)
            polygons.append([y0 + ray * np.sin(angle), along + stretch * ray * np.cos(angle)])
    image = ndi.gaussian_filter(image, 1.2) + rng.normal(0, 3, SHAPE)
    outlines = np.array(polygons)
    return (
        np.clip(image, 0, 65535).astype(np.uint16),
        outlines,
        np.sort(rng.random(len(outlines)))[::-1],
    )


@pytest.mark.parametrize("seed", range(2))
def test_blocks_give_what_one_piece_gives(seed: int, tmp_path: Path) -> None:
    """Borders of blocks go through nuclei, clumps and their background."""
    image, polygons, probability = draw_field(seed)
    # More than usual, so that the blurred ones are left out.
    sharp = {"minimum_sharpness": 2.0}
    labels, kept = draw_nuclei(image, polygons, probability, **sharp)
    assert len(np.unique(kept)) < len(kept)  # a clump was cut
    assert len(set(probability) - set(kept)) > 1  # and light without an edge left out
    rng = np.random.default_rng(seed)
    for side in (1000, *rng.integers(100, 450, 15)):
        found, known = draw_in_blocks(
            image,
            polygons,
            probability,
            noise=estimate_noise(image),
            side=int(side),
            folder=tmp_path,
            **sharp,
        )
        np.testing.assert_array_equal(found[slice(0, SHAPE[0]), slice(0, SHAPE[1])], labels)
        np.testing.assert_array_equal(known, kept)


@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize("minimum_sharpness", [None, 1e9])
def test_steps_can_be_left_out(
    refine: bool, minimum_sharpness: float | None, tmp_path: Path
) -> None:
    image, polygons, probability = draw_field(7)
    steps: dict[str, Any] = {
        "refine_boundaries": refine,
        "minimum_sharpness": minimum_sharpness,
        "cut_clumps": False,
    }
    labels, kept = draw_nuclei(image, polygons, probability, **steps)
    found, known = draw_in_blocks(
        image,
        polygons,
        probability,
        noise=estimate_noise(image),
        side=200,
        folder=tmp_path,
        **steps,
    )
    np.testing.assert_array_equal(found[slice(0, SHAPE[0]), slice(0, SHAPE[1])], labels)
    np.testing.assert_array_equal(known, kept)
    assert bool(len(kept)) == (minimum_sharpness is None)


def test_no_nucleus_at_all(tmp_path: Path) -> None:
    image = np.full((90, 80), 7, np.uint8)
    nothing = np.zeros((0, 2, 32))
    found, known = draw_in_blocks(image, nothing, np.zeros(0), noise=1.0, side=30, folder=tmp_path)
    assert not found[slice(0, 90), slice(0, 80)].any()
    assert known.shape == (0,)


def test_a_scratch_image_keeps_its_windows(tmp_path: Path) -> None:
    image = ScratchImage(tmp_path / "image.raw", (50, 70), np.uint16)
    expected = np.arange(3500, dtype=np.uint16).reshape(50, 70)
    for block in list_blocks((50, 70), 16)[:-1]:
        image[block.slices] = expected[block.slices]
    last = list_blocks((50, 70), 16)[-1]
    expected[last.slices] = 0
    np.testing.assert_array_equal(image[slice(5, 50), slice(1, 70)], expected[5:, 1:])
    image.remove()
    assert not list(tmp_path.iterdir())

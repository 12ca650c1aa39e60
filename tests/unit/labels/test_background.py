"""The local background: its level, its slope, and what it does not let through."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autonuclei.labels.background import Background, BackgroundGrid, find_level

Array = npt.NDArray[Any]

RNG = np.random.default_rng(0)
HERE = np.array([20.0, 200.0, 380.0]), np.array([380.0, 200.0, 20.0])


def everywhere(image: Array) -> Array:
    return np.ones(image.shape, np.bool_)


def measure(image: Array, free: Array, places: tuple[Array, Array]) -> Background:
    return BackgroundGrid(free, *places, diameter_px=8).measure(image)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("light", [60, 300, 5000])
def test_light_that_no_mask_covers_hardly_moves_the_level(share: float, light: int) -> None:
    values = RNG.normal(100, 10, 4000)
    values[: round(share * 4000)] += light
    assert find_level(values) == pytest.approx(100, abs=1 if share < 0.2 else 6)
    whole = np.rint(values).astype(np.uint16)
    assert find_level(whole) == pytest.approx(find_level(values), abs=0.7)


@pytest.mark.parametrize("mean", [0.05, 0.6, 2.3, 7.9])
def test_level_of_a_dark_image_is_no_step_of_its_grey_values(mean: float) -> None:
    values = RNG.poisson(mean, 20000).astype(np.uint8)
    assert find_level(values) == pytest.approx(mean, abs=0.3)
    assert find_level(np.rint(RNG.normal(20 + mean, 0.6, 9000)).astype(np.uint8)) == (
        pytest.approx(20 + mean, abs=0.1)
    )


def test_level_of_one_grey_value_and_of_few_pixels() -> None:
    assert find_level(np.full(100, 7, np.uint8)) == 7
    assert find_level(np.full(100, 7.5)) == 7.5
    assert np.isnan(find_level(np.full(99, 7, np.uint8)))
    assert np.isnan(find_level(np.r_[np.full(99, 7.0), np.nan, np.inf]))


def test_slope_is_followed_and_the_scatter_of_blocks_known() -> None:
    rows, columns = np.indices((400, 400))
    plane = 200 + 0.2 * rows - 0.1 * columns
    image = np.asarray(plane + RNG.normal(0, 5, plane.shape), np.float32)
    found = measure(image, everywhere(image), HERE)
    assert found.is_local.all()
    np.testing.assert_allclose(found.level, [166, 220, 274], atol=1.5)
    assert (found.error < 1).all()


def test_a_block_full_of_light_is_passed_over() -> None:
    image = RNG.poisson(50, (448, 448)).astype(np.uint16)
    image[128:192, 192:256] += 400
    place = np.array([160.0]), np.array([224.0])
    found = measure(image, everywhere(image), place)
    assert found.level == pytest.approx(50, abs=1)


def test_covered_blocks_take_the_nearest_and_say_so() -> None:
    image = RNG.poisson(50, (400, 640)).astype(np.uint16)
    free = everywhere(image)
    free[:, 128:] = False
    image[~free] += 900
    place = np.array([200.0, 200.0]), np.array([100.0, 600.0])
    found = measure(image, free, place)
    np.testing.assert_allclose(found.level, 50, atol=1)
    assert found.is_local.tolist() == [True, False]


def test_few_free_pixels_count_together_and_too_few_not_at_all() -> None:
    image = np.full((400, 400), 30, np.uint16)
    free = np.zeros(image.shape, np.bool_)
    free[::25, ::40] = True
    found = measure(image, free, HERE)
    assert found.level.tolist() == [30, 30, 30]
    assert not found.is_local.any()
    free[100:] = False
    assert np.isnan(measure(image, free, HERE).level).all()

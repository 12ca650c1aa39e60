"""Threshold and watershed on drawn nuclei, with exact counts."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from autonuclei.annotate.annotation import (
    compute_distance,
    estimate_noise,
    estimate_radius,
    find_foreground,
    is_empty,
    split_nuclei,
)
from shapes import GRID, draw_disks, photograph

Array = npt.NDArray[Any]

FOREGROUNDS = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def annotate(image: Array, **settings: Any) -> Array:
    foreground, _ = find_foreground(image, minimum_contrast=1.0, **settings)
    return split_nuclei(foreground)


@pytest.mark.parametrize("radius", [5, 8, 13])
def test_separate_disks_are_counted(radius: float) -> None:
    truth = draw_disks((96, 96), GRID, radius)
    labels = annotate(photograph(truth), threshold_factor=1.0)
    assert labels.dtype == np.int32
    assert labels.max() == len(GRID)
    for number in range(1, len(GRID) + 1):
        assert len(np.unique(labels[truth == number])) <= 2  # itself, and perhaps its rim
    found = np.bincount(labels.ravel())[1:]
    assert found == pytest.approx(np.bincount(truth.ravel())[1:], rel=0.25)


@pytest.mark.parametrize("distance", [16, 18, 20])
def test_two_touching_disks_are_split(distance: int) -> None:
    truth = draw_disks((64, 96), [(32, 30), (32, 30 + distance)], 10)
    assert ndi.label(truth)[1] == 1
    labels = split_nuclei(truth > 0)
    assert labels.max() == 2
    for number in (1, 2):
        inside = truth == number
        assert (labels[inside] == number).mean() > 0.85


def test_a_chain_of_touching_disks() -> None:
    truth = draw_disks((60, 140), [(30, 20 + 17 * i) for i in range(6)], 10)
    assert split_nuclei(truth > 0).max() == 6


def test_elongated_nucleus_stays_whole() -> None:
    rows, columns = np.indices((60, 80))
    assert split_nuclei(((rows - 30) / 10) ** 2 + ((columns - 40) / 17) ** 2 <= 1).max() == 1


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.6, 3.0, 30.0])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("level", [0.0, 3.2, 120.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_image_without_a_nucleus_has_no_object(
    noise: float, dtype: str, level: float, seed: int
) -> None:
    """Also a dark one, whose noise is less than a grey value or cut off at zero."""
    image = np.random.default_rng(seed).normal(level, noise, (128, 128))
    if dtype != "float32":
        image = np.clip(np.round(image), 0, 255)
    foreground, threshold = find_foreground(
        image.astype(dtype), threshold_factor=0.5, minimum_contrast=1.0
    )
    assert not foreground.any()
    assert np.isnan(threshold)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_one_nucleus_on_a_perfectly_black_background(dtype: str) -> None:
    truth = draw_disks((256, 256), [(100, 120)], 5)
    labels = annotate((truth * 200).astype(dtype), threshold_factor=0.5)
    assert labels.max() == 1


def test_contrast_is_asked_for_only_where_wanted() -> None:
    image = np.random.default_rng(0).normal(100, 5, (96, 96))
    assert find_foreground(image)[0].any()


def test_holes_are_filled() -> None:
    image = photograph(draw_disks((96, 96), [(48, 48)], 20))
    image[44:52, 44:52] = 200
    foreground, _ = find_foreground(image)
    assert foreground[48, 48]


def test_threshold_factor_goes_from_background_to_otsu() -> None:
    image = photograph(draw_disks((96, 96), GRID, 10))
    otsu, half = (find_foreground(image, threshold_factor=f)[1] for f in (1.0, 0.5))
    smooth = ndi.gaussian_filter(image.astype(np.float32), 1.7)
    background = smooth[smooth <= otsu].mean()
    assert 200 < background < half < otsu < 2200
    assert half == pytest.approx((background + otsu) / 2, rel=1e-4)


def test_noise_is_measured_beside_nuclei() -> None:
    truth = draw_disks((192, 192), [(2 * y, 2 * x) for y, x in GRID], 20)
    image = photograph(truth, noise=25).astype(float)
    assert estimate_noise(image) == pytest.approx(25, rel=0.1)


@given(gain=st.floats(0.05, 50), offset=st.floats(-500, 5000))
@settings(max_examples=25, deadline=None)
def test_result_knows_no_gain_and_offset(gain: float, offset: float) -> None:
    image = photograph(draw_disks((96, 96), GRID, 9), noise=5).astype(np.float64)
    expected = annotate(image, threshold_factor=0.5)
    labels = annotate(gain * image + offset, threshold_factor=0.5)
    assert labels.max() == expected.max() == len(GRID)
    assert (labels != expected).mean() < 0.01


@given(foreground=FOREGROUNDS, minimum=st.integers(1, 20))
@settings(max_examples=150, deadline=None)
def test_every_piece_is_labelled_and_numbers_have_no_gap(foreground: Array, minimum: int) -> None:
    labels = split_nuclei(foreground, minimum_area_px=minimum)
    assert labels.shape == foreground.shape
    assert labels.dtype == np.int32
    pieces, n = ndi.label(foreground)
    area = np.bincount(pieces.ravel(), minlength=n + 1)
    expected = foreground & (area >= minimum)[pieces]
    np.testing.assert_array_equal(labels > 0, expected)
    numbers = np.unique(labels[labels > 0])
    np.testing.assert_array_equal(numbers, np.arange(1, len(numbers) + 1))
    for number in numbers:
        assert len(np.unique(pieces[labels == number])) == 1  # never spans two pieces


@given(shift=st.tuples(st.integers(0, 20), st.integers(0, 20)))
@settings(max_examples=15, deadline=None)
def test_splitting_does_not_depend_on_the_place(shift: tuple[int, int]) -> None:
    truth = draw_disks((64, 64), [(20, 20), (20, 36), (48, 40)], 9) > 0
    moved = np.zeros((96, 96), bool)
    moved[5 + shift[0] : 69 + shift[0], 5 + shift[1] : 69 + shift[1]] = truth
    labels = split_nuclei(moved)
    assert labels.max() == 3
    home = np.zeros((96, 96), bool)
    home[5:69, 5:69] = truth
    np.testing.assert_array_equal(np.roll(split_nuclei(home), shift, (0, 1)) > 0, labels > 0)


def test_radius_is_that_of_the_typical_nucleus() -> None:
    truth = draw_disks((128, 128), [(30, 30), (30, 90), (90, 30), (90, 90)], 12) > 0
    truth[60, 60] = truth[2, 2] = truth[5, 100] = True  # specks
    pieces, n = ndi.label(truth)
    assert estimate_radius(compute_distance(truth), pieces, n) == pytest.approx(12.5, abs=0.7)


def test_nothing_in_nothing_out() -> None:
    assert split_nuclei(np.zeros((20, 30), bool)).max() == 0
    assert find_foreground(np.full((20, 30), 7, np.uint8))[0].any() is np.False_


def test_images_without_contrast_are_empty() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(100, 10, (130, 127)).astype(np.uint16)
    dim = noise.copy()
    dim[40:60, 50:70] += 40
    assert is_empty(np.full((64, 64), 7, np.uint8), 0)
    assert is_empty(noise, 1)
    assert not is_empty(dim, 1)
    assert not is_empty(noise, 0)

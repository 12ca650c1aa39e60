"""One threshold for an image, on drawn nuclei."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from autonuclei.annotate.foreground import find_foreground, is_empty
from autonuclei.annotate.splitting import split_nuclei
from shapes import GRID, draw_disks, photograph

Array = npt.NDArray[Any]


def annotate(image: Array, **settings: Any) -> Array:
    foreground, _ = find_foreground(image, **settings)
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
    assert not find_foreground(image)[0].any()
    assert find_foreground(image, minimum_contrast=0)[0].any()


def test_holes_are_filled() -> None:
    image = photograph(draw_disks((96, 96), [(48, 48)], 20))
    image[44:52, 44:52] = 200
    foreground, _ = find_foreground(image)
    assert foreground[48, 48]


def test_threshold_factor_goes_from_background_to_otsu() -> None:
    image = photograph(draw_disks((96, 96), GRID, 10))
    otsu, half = (find_foreground(image, threshold_factor=f)[1] for f in (1.0, 0.5))
    smooth = ndi.gaussian_filter(image.astype(np.float32), 1.0)
    background = smooth[smooth <= otsu].mean()
    assert 200 < background < half < otsu < 2200
    assert half == pytest.approx((background + otsu) / 2, rel=1e-4)


@given(gain=st.floats(0.05, 50), offset=st.floats(-500, 5000))
@settings(max_examples=25, deadline=None)
def test_result_knows_no_gain_and_offset(gain: float, offset: float) -> None:
    image = photograph(draw_disks((96, 96), GRID, 9), noise=5).astype(np.float64)
    expected = annotate(image, threshold_factor=0.5)
    labels = annotate(gain * image + offset, threshold_factor=0.5)
    assert labels.max() == expected.max() == len(GRID)
    assert (labels != expected).mean() < 0.01


def test_images_without_contrast_are_empty() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(100, 10, (130, 127)).astype(np.uint16)
    dim = noise.copy()
    dim[40:60, 50:70] += 40
    assert is_empty(np.full((64, 64), 7, np.uint8), 0)
    assert is_empty(noise, 1)
    assert not is_empty(dim, 1)
    assert not is_empty(noise, 0)


def test_one_grey_value_is_empty() -> None:
    foreground, threshold = find_foreground(np.full((20, 30), 7, np.uint8))
    assert not foreground.any()
    assert np.isnan(threshold)

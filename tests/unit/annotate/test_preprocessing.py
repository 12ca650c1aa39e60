"""Values, scale and background: exact results on small arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autonuclei.annotate.preprocessing import (
    convert_values,
    find_percentiles,
    normalize_image,
    preprocess_image,
    rescale_image,
    rescale_labels,
    scaled_shape,
    subtract_background,
)
from shapes import draw_disks, draw_squares

Array = npt.NDArray[Any]

INTEGERS = hnp.arrays(
    st.sampled_from([np.uint8, np.uint16]), st.tuples(st.integers(2, 30), st.integers(2, 30))
)


def test_nothing_is_done_unless_asked_for() -> None:
    image = np.arange(600, dtype=np.uint16).reshape(20, 30)
    assert preprocess_image(image) is image


@pytest.mark.parametrize(
    ("dtype", "low", "high", "expected"),
    [
        ("uint8", 0, 255, "uint8"),
        ("uint16", 0, 65535, "uint16"),
        (">u2", 0, 65535, "uint16"),
        ("int16", 0, 32767, "uint16"),
        ("int16", -5, 100, "float32"),
        ("uint32", 0, 65535, "uint16"),
        ("uint32", 0, 65536, "float32"),
        ("float32", 0, 1, "float32"),
        ("float64", 0, 1, "float32"),
    ],
)
def test_type_of_the_result(dtype: str, low: int, high: int, expected: str) -> None:
    image = np.full((4, 4), low, dtype)
    image[0, 0] = high
    kept = convert_values(image, "keep")
    assert kept.dtype == np.dtype(expected)
    assert kept.dtype.isnative
    np.testing.assert_array_equal(kept, image)


def test_eight_bit_maps_darkest_to_brightest() -> None:
    image = np.array([[100, 300], [200, 500]], np.uint16)
    converted = convert_values(image, "8bit")
    assert converted.dtype == np.uint8
    np.testing.assert_array_equal(converted, [[0, 128], [64, 255]])
    already = np.array([[3, 7]], np.uint8)
    np.testing.assert_array_equal(convert_values(already, "8bit"), already)
    np.testing.assert_array_equal(convert_values(np.full((2, 2), 9.0), "8bit"), np.zeros((2, 2)))


def test_rescaling_keeps_the_place_of_a_nucleus() -> None:
    labels = draw_disks((60, 80), [(20, 50)], 8)
    image = (labels * 1000).astype(np.uint16)
    for scale in (0.5, 2.0):
        small = rescale_image(image, scale)
        assert small.dtype == np.uint16
        assert small.shape == (60 * scale, 80 * scale)
        y, x = (np.average(axis, weights=small) for axis in np.indices(small.shape))
        # Pixel centres at whole numbers: the border lies at -0.5 on both grids.
        assert (y + 0.5) / scale - 0.5 == pytest.approx(20, abs=0.02)
        assert (x + 0.5) / scale - 0.5 == pytest.approx(50, abs=0.02)


def test_labels_follow_their_image() -> None:
    labels = draw_squares((40, 60), [(10, 20)], 8)
    assert rescale_labels(labels, 1.0) is labels
    half = rescale_labels(labels, 0.5)
    np.testing.assert_array_equal(half, draw_squares((20, 30), [(5, 10)], 4))
    np.testing.assert_array_equal(rescale_labels(half, 2.0), labels)


def test_scaled_shape() -> None:
    assert scaled_shape((100, 33), 0.5) == (50, 16)
    assert scaled_shape((1, 1), 0.01) == (1, 1)


@pytest.mark.parametrize("radius", [8, 15, 40])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_background_goes_and_nuclei_stay(radius: float, dtype: str) -> None:
    labels = draw_disks((96, 96), [(48, 48)], 4)
    slope = 100 + 0.5 * np.arange(96)[:, None] + np.zeros((96, 96))
    image = (slope + 500 * (labels > 0)).astype(dtype)
    flat = subtract_background(image, radius)
    assert flat.dtype == np.dtype(dtype)
    inside, outside = flat[labels > 0], flat[labels == 0]
    assert inside.min() > 400
    assert outside.max() < 60
    assert outside.min() >= 0


@given(image=INTEGERS, percents=st.tuples(st.floats(0, 100), st.floats(0, 100)))
@settings(max_examples=60, deadline=None)
def test_counted_percentiles_are_those_of_numpy(
    image: Array, percents: tuple[float, float]
) -> None:
    np.testing.assert_allclose(
        find_percentiles(image, percents), np.percentile(image, percents), atol=1e-6
    )


def test_percentiles_become_zero_and_one() -> None:
    image = np.random.default_rng(0).integers(50, 5000, (64, 64)).astype(np.uint16)
    normal = normalize_image(image)
    assert normal.dtype == np.float32
    assert np.percentile(normal, [1, 99.8]) == pytest.approx([0, 1], abs=1e-5)


@given(gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
@settings(max_examples=30, deadline=None)
def test_normalised_image_knows_no_gain_and_offset(gain: float, offset: float) -> None:
    image = np.random.default_rng(0).normal(100, 20, (32, 32))
    np.testing.assert_allclose(
        normalize_image(image), normalize_image(gain * image + offset), atol=1e-3
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_tiny_nucleus_on_a_black_background(dtype: str) -> None:
    """Its pixels are fewer than the bright percentile leaves out."""
    image = np.zeros((256, 256), dtype)
    image[100:108, 100:108] = 200
    normal = normalize_image(image)
    assert normal.min() == 0
    assert normal.max() == 1


def test_normalising_a_constant_image() -> None:
    np.testing.assert_array_equal(normalize_image(np.full((8, 8), 5.0)), np.zeros((8, 8)))

"""Noise and blur of drawn images."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.filtering import (
    FilteredImage,
    blur_image,
    enlarge,
    estimate_noise,
    reduce_image,
    smooth_noise,
)
from shapes import GRID, draw_disks, photograph


def test_noise_is_measured_beside_nuclei() -> None:
    truth = draw_disks((192, 192), [(2 * y, 2 * x) for y, x in GRID], 20)
    image = photograph(truth, noise=25).astype(float)
    assert estimate_noise(image) == pytest.approx(25, rel=0.1)


@pytest.mark.parametrize("sigma", [0.0, 0.7, 1.5])
def test_blur_leaves_as_much_noise_as_computed(sigma: float) -> None:
    noise = np.random.default_rng(0).normal(0, 10, (256, 256))
    left = FilteredImage(noise).blur(sigma).std()
    assert left == pytest.approx(smooth_noise(10.0, sigma), rel=0.1)


def test_an_image_is_filtered_once() -> None:
    image = photograph(draw_disks((96, 96), GRID, 9))
    filtered = FilteredImage.wrap(image)
    assert FilteredImage.wrap(filtered) is filtered
    assert filtered.blur(1.5) is filtered.blur(1.5)
    np.testing.assert_array_equal(filtered.blur(1.5), blur_image(image, 1.5))
    assert filtered.noise == estimate_noise(image)


def test_means_of_blocks() -> None:
    image = np.arange(12).reshape(3, 4)
    assert reduce_image(image, 1).tolist() == image.tolist()
    assert reduce_image(image, 2).tolist() == [[2.5, 4.5], [8.5, 10.5]]


def test_pixels_as_squares() -> None:
    image = np.array([[1, 2], [3, 4]])
    assert enlarge(image, 1, (2, 2)).tolist() == image.tolist()
    assert enlarge(image, 2, (3, 4)).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4]]


def test_a_reduced_image_has_the_noise_that_is_left() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (256, 257))
    reduced = FilteredImage(noise).reduce(2)
    assert reduced.values.shape == (128, 129)
    assert reduced.noise == pytest.approx(reduced.values.std(), rel=0.05)


@pytest.mark.parametrize("sigma", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("shape", [(70, 45), (5, 3)])
def test_blur_is_that_of_scipy(sigma: float, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 1000, shape).astype(np.uint16)
    expected = ndi.gaussian_filter(image, sigma, output=np.float32)
    assert blur_image(image, sigma) == pytest.approx(expected, rel=1e-5)

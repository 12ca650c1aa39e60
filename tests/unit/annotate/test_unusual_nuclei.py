"""Dim nuclei and those in mitosis, on drawn images in which the truth is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.filtering import enlarge
from autonuclei.annotate.pipeline import annotate_image
from autonuclei.annotate.remainder import draw_smoothly, estimate_background
from autonuclei.annotate.unusual_nuclei import (
    find_dim_nuclei,
    is_condensed,
    is_dim_nucleus,
)
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]
NOISE = 5.0
BRIGHT = 1000.0
BLUR_PX = 1.5
# Of usual nuclei, a field of 5 x 5.
PLACES = [(y, x) for y in range(40, 240, 45) for x in range(40, 240, 45)]
RADIUS = 11.0


def draw_ellipse(shape: tuple[int, int], y: float, x: float, long: float, short: float) -> Array:
    rows, columns = np.indices(shape)
    return ((rows - y) / long) ** 2 + ((columns - x) / short) ** 2 <= 1


def draw_field(*extras: tuple[Array, float], seed: int = 0) -> Array:
    """A blurred, noisy image of usual nuclei on an uneven background, and of other masks."""
    shape = (330, 260)
    image = np.zeros(shape)
    for y, x in PLACES:
        image[draw_ellipse(shape, y, x, RADIUS, RADIUS)] = BRIGHT
    for mask, contrast in extras:
        image[mask] = contrast
    image = ndi.gaussian_filter(image, BLUR_PX)
    image += 2000 + np.linspace(0, 60, shape[1])
    image += np.random.default_rng(seed).normal(0, NOISE, shape)
    return np.round(image).astype(np.uint16)


def find_verdict(image: Array, mask: Array, **options: Any) -> str:
    """What is said of the object in the middle of a mask; "none" where there is none."""
    annotation = annotate_image(image, replace(AnnotateSettings(), **options))
    y, x = np.argwhere(mask).mean(axis=0).round().astype(int)
    label = annotation.objects[y, x]
    table = annotation.table.set_index("label")
    return "none" if label == 0 else str(table.loc[label, "verdict"])


@pytest.mark.parametrize("part", [0.04, 0.08, 0.15])
def test_a_dim_nucleus_counts(part: float) -> None:
    """At 4 % of the usual brightness it lies below what the background varies."""
    dim = draw_ellipse((330, 260), 290, 60, RADIUS, RADIUS - 2)
    image = draw_field((dim, part * BRIGHT))
    assert find_verdict(image, dim) == "accepted"
    assert find_verdict(image, dim, unusual_nuclei=False) != "accepted"


def test_its_outline_is_that_of_the_nucleus() -> None:
    dim = draw_ellipse((330, 260), 290, 60, RADIUS, RADIUS - 2)
    nuclei = annotate_image(draw_field((dim, 0.06 * BRIGHT))).nuclei
    own = nuclei == nuclei[290, 60]
    assert (own & dim).sum() / (own | dim).sum() > 0.8


def test_what_the_noise_may_have_made_does_not_count() -> None:
    dim = draw_ellipse((330, 260), 290, 60, RADIUS, RADIUS)
    assert find_verdict(draw_field((dim, 0.6 * NOISE)), dim) != "accepted"


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_makes_no_nucleus(seed: int) -> None:
    annotation = annotate_image(draw_field(seed=seed))
    assert annotation.nuclei.max() > 0
    assert (annotation.table["verdict"] == "accepted").sum() == len(PLACES)


def test_a_dim_smear_and_a_dim_speck_do_not_count() -> None:
    shape = (330, 260)
    smear = draw_ellipse(shape, 290, 60, 4, 40) | draw_ellipse(shape, 285, 60, 25, 4)
    speck = draw_ellipse(shape, 290, 200, 4, 4)
    image = draw_field((smear, 0.08 * BRIGHT), (speck, 0.08 * BRIGHT))
    assert find_verdict(image, smear) != "accepted"
    assert find_verdict(image, speck) != "accepted"


def test_daughters_count_as_soon_as_they_part() -> None:
    """Bars of a fifth of the usual area, three times as bright."""
    shape = (330, 260)
    pair = [draw_ellipse(shape, 290, x, 8, 3.2) for x in (60, 78)]
    image = draw_field(*((bar, 4 * BRIGHT) for bar in pair))
    for bar in pair:
        assert find_verdict(image, bar) == "accepted"
        assert find_verdict(image, bar, unusual_nuclei=False) == "not convex"


def test_as_small_but_no_brighter_is_debris() -> None:
    bar = draw_ellipse((330, 260), 290, 60, 8, 3.2)
    assert find_verdict(draw_field((bar, BRIGHT)), bar) != "accepted"


def test_dim_nuclei_are_told_by_noise_shape_and_size() -> None:
    clear = is_dim_nucleus(
        np.array([80, 79, 200, 200, 200]),
        np.array([0.97, 0.99, 0.95, 0.99, 0.99]),
        np.array([50, 100, 100, 49, 201]),
        100,
    )
    assert clear.tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(("n_of_other_shape", "counts"), [(0, True), (3, True), (4, False)])
def test_none_counts_where_most_of_the_light_has_another_shape(
    n_of_other_shape: int, counts: bool
) -> None:
    """As in tissue. What is smaller, larger or less clear has no voice."""
    ellipticity = np.array([0.97] * 3 + [0.9] * n_of_other_shape + [0.9] * 9)
    area = np.array([100.0] * (3 + n_of_other_shape) + [40.0] * 3 + [210.0] * 3 + [100.0] * 3)
    significance = np.where(np.arange(len(area)) < len(area) - 3, 90.0, 70.0)
    clear = is_dim_nucleus(significance, ellipticity, area, 100)
    assert clear.tolist() == [counts] * 3 + [False] * (n_of_other_shape + 9)


def test_condensed_nuclei_are_told_by_brightness_size_and_chromatin() -> None:
    condensed = is_condensed(
        np.array([1.5, 1.4, 3.0, 2.0, 8.0, 2.0]),
        np.array([0.85, 0.90, 0.90, 0.80, 0.9, 0.9]),
        np.array([20, 50, 10, 50, 9, 121]),
        100,
        0.89,
    )
    assert condensed.tolist() == [True, False, True, False, False, False]


def test_background_is_that_around_what_is_taken() -> None:
    image = np.tile(np.linspace(100, 200, 120), (100, 1))
    taken = draw_ellipse(image.shape, 50, 60, 10, 10)
    background = estimate_background(np.where(taken, 5000, image), taken, 8)
    assert np.abs(background - image)[20:80, 30:90].max() < 5


@pytest.mark.parametrize("side", [1, 2, 7])
def test_squares_are_drawn_smoothly_as_by_filtering_an_enlarged_image(side: int) -> None:
    values = np.random.default_rng(0).random((9, 11), np.float32)
    shape = 9 * side - side // 2, 11 * side
    expected = ndi.uniform_filter(enlarge(values, side, shape), side)
    np.testing.assert_array_equal(draw_smoothly(values, side, shape), expected)


def test_an_image_without_anything_left_has_no_dim_nucleus() -> None:
    objects = draw_ellipse((60, 60), 30, 30, 10, 10).astype(np.int32)
    image = np.where(objects > 0, 500, 100).astype(np.uint16)
    assert not find_dim_nuclei(image, objects).any()

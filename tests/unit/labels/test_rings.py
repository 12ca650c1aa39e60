"""Rings around nuclei, against every pixel's distance to every nucleus."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autonuclei.labels.rings import find_rings, measure_distance2

Array = npt.NDArray[Any]

SMALL = hnp.arrays(
    np.uint16,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=18),
    elements=st.sampled_from([0] * 12 + [1, 2, 5]),
    fill=st.just(0),
)


def measure_every_distance2(labels: Array) -> dict[int, Array]:
    """Square of each pixel's distance to each label."""
    rows, columns = np.indices(labels.shape)
    distances = {}
    for number in np.unique(labels[labels > 0]).tolist():
        y, x = np.nonzero(labels == number)
        apart = (rows[..., None] - y) ** 2 + (columns[..., None] - x) ** 2
        distances[number] = apart.min(axis=-1)
    return distances


def draw_rings(labels: Array, gap_px: float, ring_px: float) -> Array:
    """The rings as the rule says it, pixel by pixel."""
    rings = np.zeros_like(labels)
    distances = measure_every_distance2(labels)
    for place in np.ndindex(labels.shape):
        here = sorted((float(d[place]), number) for number, d in distances.items())
        if not here or not gap_px < np.sqrt(here[0][0]) <= gap_px + ring_px:
            continue
        if len(here) == 1 or here[1][0] > here[0][0]:
            rings[place] = here[0][1]
    return rings


@given(SMALL, st.sampled_from([0, 1, 1.5, 2]), st.sampled_from([1, 2, 2.5, 4, 9]))
@settings(max_examples=150, deadline=None)
def test_rings_are_those_of_the_rule(labels: Array, gap_px: float, ring_px: float) -> None:
    rings = find_rings(labels, measure_distance2(labels), gap_px=gap_px, ring_px=ring_px)
    assert rings.dtype == labels.dtype
    np.testing.assert_array_equal(rings, draw_rings(labels, gap_px, ring_px))


@given(SMALL, st.sampled_from([0, 1, 2]), st.permutations([1, 2, 5]))
@settings(max_examples=50, deadline=None)
def test_numbers_of_labels_play_no_part(labels: Array, gap_px: float, order: list[int]) -> None:
    numbers = np.zeros(6, np.uint16)
    numbers[[1, 2, 5]] = order
    distance2 = measure_distance2(labels)
    rings = find_rings(labels, distance2, gap_px=gap_px, ring_px=3)
    again = find_rings(numbers[labels], distance2, gap_px=gap_px, ring_px=3)
    np.testing.assert_array_equal(again, numbers[rings])


@pytest.mark.parametrize("seed", range(3))
def test_crowded_and_touching_nuclei(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((90, 110))
    labels = np.zeros((90, 110), np.int32)
    for number in rng.permutation(np.arange(1, 30)):
        y, x, radius = rng.uniform(0, 90), rng.uniform(0, 110), rng.uniform(4, 10)
        labels[np.hypot(rows - y, columns - x) <= radius] = 1000 * number
    rings = find_rings(labels, measure_distance2(labels), gap_px=1, ring_px=6)
    assert (rings > 0).sum() > 500
    assert not (rings[labels > 0]).any()
    np.testing.assert_array_equal(rings, draw_rings(labels, 1, 6))


@given(SMALL)
@settings(max_examples=60, deadline=None)
def test_distance_is_that_to_the_nearest_pixel_of_another_label(labels: Array) -> None:
    distance2 = measure_distance2(labels)
    rows, columns = np.indices(labels.shape)
    for y, x in np.ndindex(labels.shape):
        other = labels != labels[y, x]
        apart = (rows - y) ** 2 + (columns - x) ** 2
        assert distance2[y, x] == (apart[other].min() if other.any() else np.inf)


def test_long_distances_are_exact() -> None:
    labels = np.zeros((40, 3000), np.uint16)
    labels[3, 2] = 65535
    rows, columns = np.indices(labels.shape)
    expected = ((rows - 3) ** 2 + (columns - 2) ** 2).astype(np.float32)
    expected[3, 2] = 1
    np.testing.assert_array_equal(measure_distance2(labels), expected)


def test_image_full_of_nuclei_has_no_rings() -> None:
    labels = np.repeat(np.arange(1, 5, dtype=np.uint8), 10).reshape(4, 10)
    assert not find_rings(labels, measure_distance2(labels), gap_px=0, ring_px=5).any()

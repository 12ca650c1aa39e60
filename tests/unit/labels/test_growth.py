"""Growing labels and masks, and parting labels that touch."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autonuclei.labels.growth import grow_labels, grow_mask, open_contacts

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
SPARSE = st.sampled_from([0] * 9 + [1, 2, 3])
STRAIGHT = ((-1, 0), (0, -1), (0, 1), (1, 0))
AROUND = (*STRAIGHT, (-1, -1), (-1, 1), (1, -1), (1, 1))


@given(labels=hnp.arrays(np.uint16, SHAPES, elements=SPARSE), distance_px=st.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_growing_as_if_all_pixels_were_looked_at(
    labels: npt.NDArray[Any], distance_px: int
) -> None:
    grown = np.pad(labels, 1)
    inner = grown[1:-1, 1:-1]
    height, width = labels.shape
    for step in range(distance_px):
        before = grown.copy()
        for row, column in AROUND if step % 2 else STRAIGHT:
            beside = before[1 - row : 1 - row + height, 1 - column : 1 - column + width]
            inner[inner == 0] = beside[inner == 0]
    np.testing.assert_array_equal(grow_labels(labels, distance_px), inner)


def test_where_two_labels_touch_both_draw_back():
    labels = np.array([[1, 1, 1, 2, 2], [1, 1, 0, 2, 2], [3, 3, 0, 0, 2]])
    expected = [[1, 1, 0, 0, 2], [0, 0, 0, 2, 2], [0, 0, 0, 0, 2]]
    assert open_contacts(labels).tolist() == expected


@pytest.mark.parametrize("distance", range(8))
def test_a_mask_grows_as_labels_do(distance):
    rng = np.random.default_rng(distance)
    for share in (0, 0.003, 0.05, 0.5):
        labels = np.where(rng.random((40, 61)) < share, rng.integers(1, 5, (40, 61)), 0)
        expected = grow_labels(labels, distance) > 0
        assert np.array_equal(grow_mask(labels > 0, distance), expected)

"""Pieces and holes of small label images."""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from autonuclei.labels.pieces import fill_holes, fill_label_holes, keep_largest_pieces

Array = npt.NDArray[Any]


def test_largest_pieces_are_kept() -> None:
    labels = np.array([[1, 1, 0, 1], [0, 0, 0, 2], [2, 2, 2, 0]], np.int32)
    assert keep_largest_pieces(labels).tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [2, 2, 2, 0]]


@given(
    hnp.arrays(
        np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)
    )
)
@settings(max_examples=100, deadline=None)
def test_of_each_label_the_largest_piece_is_kept(labels: Array) -> None:
    expected = np.zeros_like(labels)
    for number in np.unique(labels[labels > 0]):
        pieces, n = ndi.label(labels == number)
        size = np.bincount(pieces.ravel(), minlength=n + 1)
        expected[pieces == 1 + np.argmax(size[1:])] = number  # the first of equal ones
    np.testing.assert_array_equal(keep_largest_pieces(labels), expected)


def test_a_hole_goes_to_the_label_whose_zone_it_is_in() -> None:
    ring = np.zeros((5, 6), np.int32)
    ring[1:4, 1:5] = 1
    ring[2, 2:4] = 0
    zones = np.ones((5, 6), np.int32)
    assert fill_label_holes(ring, zones)[2, 2:4].tolist() == [1, 1]
    zones[2, 3] = 2
    assert fill_label_holes(ring, zones)[2, 2:4].tolist() == [0, 0]


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=60, deadline=None)
def test_holes_are_filled_as_scipy_does(foreground: Array) -> None:
    np.testing.assert_array_equal(fill_holes(foreground), ndi.binary_fill_holes(foreground))

"""Overlaps of drawn squares and of random labels."""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from autonuclei.labels.overlap import (
    count_overlaps,
    find_overlaps,
    match_labels,
    measure_overlaps,
    overlap_runs,
    rate_overlaps,
)
from autonuclei.labels.shapes import list_runs, shift_runs
from shapes import draw_squares

Array = npt.NDArray[Any]
LABELS = hnp.arrays(np.uint16, (8, 9), elements=st.integers(0, 5))


@given(first=LABELS, second=LABELS)
@settings(max_examples=50, deadline=None)
def test_pairs_are_those_that_share_pixels(first: Array, second: Array) -> None:
    found = list(zip(*(column.tolist() for column in count_overlaps(first, second)), strict=True))
    expected = [
        (a, b, int(((first == a) & (second == b)).sum()))
        for a in np.unique(first[first > 0]).tolist()
        for b in np.unique(second[second > 0]).tolist()
    ]
    assert found == [pair for pair in expected if pair[2]]


def test_best_overlap_and_cover_of_each_object() -> None:
    first = draw_squares((30, 60), [(0, 0), (0, 20), (15, 40)], 10)
    second = draw_squares((30, 60), [(0, 5), (0, 20), (20, 0)], 10)
    iou, covered = measure_overlaps(first, second)
    np.testing.assert_allclose(iou, [0, 50 / 150, 1, 0])
    np.testing.assert_allclose(covered, [0, 0.5, 1, 0])


@given(first=LABELS, second=LABELS)
@settings(max_examples=30, deadline=None)
def test_overlaps_are_turned(first: Array, second: Array) -> None:
    turned = rate_overlaps(find_overlaps(first, second).turn())
    np.testing.assert_array_equal(turned, measure_overlaps(second, first))


@given(first=LABELS, second=LABELS, step=st.tuples(st.integers(-9, 9), st.integers(-10, 10)))
@settings(max_examples=100, deadline=None)
def test_runs_overlap_as_images_do(first: Array, second: Array, step: tuple[int, int]) -> None:
    found = overlap_runs(list_runs(first), shift_runs(list_runs(second), step))
    expected = find_overlaps(first, ndi.shift(second, step, order=0))
    for one, other in zip(found[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    # Index 0 of the areas is meaningless.
    for one, other in zip(found[3:], expected[3:], strict=True):
        assert one[1:].tolist() == other[1:].tolist()


def test_matching_needs_the_overlap() -> None:
    first = draw_squares((40, 40), [(0, 0), (0, 20), (20, 0)], 10)
    second = draw_squares((40, 40), [(20, 2), (0, 0), (5, 25)], 10)  # IoU 80/120, 1, 25/175
    assert match_labels(first, second, iou=0.6).tolist() == [0, 2, 0, 1]
    assert match_labels(first, second, iou=0.7, n_labels=4).tolist() == [0, 2, 0, 0, 0]


def test_nothing_overlaps_nothing() -> None:
    nothing = np.zeros((4, 5), np.int32)
    assert [len(column) for column in count_overlaps(nothing, nothing)] == [0, 0, 0]
    assert match_labels(nothing, nothing, iou=0.5).tolist() == [0]

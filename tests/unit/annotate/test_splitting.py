"""Splitting masks of touching disks."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from autonuclei.annotate.splitting import compute_distance, estimate_radius, split_nuclei
from shapes import draw_disks

Array = npt.NDArray[Any]

FOREGROUNDS = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


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


def test_nothing_is_split_into_nothing() -> None:
    assert split_nuclei(np.zeros((20, 30), bool)).max() == 0

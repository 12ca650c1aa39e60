"""The second annotation on drawn disks."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.selection import AcceptedRange
from autonuclei.labels.overlap import match_labels
from autonuclei.train.self_training import (
    check_annotation,
    count_changes,
    measure_agreement,
)
from shapes import GRID, draw_disks, draw_squares, photograph

Array = npt.NDArray[Any]

# A disk of radius 9 px has 253 px.
WINDOW = AcceptedRange(low=125, median=253, high=380, n_objects=9, solidity=0.8)


def check(first: Array, objects: Array, predicted: Array, probability: list[float]) -> Array:
    """The annotation of nine nuclei of radius 9 px."""
    image = photograph(draw_disks((96, 96), GRID, 9), noise=0)
    return check_annotation(image, first, objects, predicted, np.array(probability), WINDOW)


def at(labels: Array, place: int) -> int:
    y, x = GRID[place]
    return int(labels[round(y), round(x)])


def test_what_both_accept_is_a_nucleus_and_the_rest_background() -> None:
    disks = draw_disks((96, 96), GRID, 9)
    labels = check(disks, disks, disks, [0.5] * 9)
    assert match_labels(labels, disks, iou=0.95).tolist() == list(range(10))
    assert labels.min() == 0
    assert labels.dtype == np.int32


def test_where_both_agree_the_classical_boundary_counts() -> None:
    disks = draw_disks((96, 96), GRID, 9)
    disks[disks == 3] = 0  # found by neither
    objects = np.unique(disks, return_inverse=True)[1].reshape(96, 96)
    for radius in (8, 10):
        predicted = np.where(draw_disks((96, 96), GRID, radius) == 3, 0, 1)
        predicted = ndi.label(predicted * draw_disks((96, 96), GRID, radius) > 0)[0]
        labels = check(objects, objects, predicted, [0.9] * 8)
        np.testing.assert_array_equal(labels, objects)


def test_doubt_is_ignored() -> None:
    classical = draw_disks((96, 96), GRID[:2], 9)
    network = draw_disks((96, 96), GRID[1:3], 9)
    labels = check(classical, classical, network, [0.3, 0.3])
    # Only the classical method, both, only the network, neither.
    assert [at(labels, place) for place in range(4)] == [-1, 1, -1, 0]


def test_a_sure_network_adds_what_has_the_shape_of_a_nucleus() -> None:
    nothing = np.zeros((96, 96), np.int32)
    network = draw_disks((96, 96), GRID[:3], 9)
    labels = check(nothing, nothing, network, [0.9, 0.69, 0.7])
    assert [at(labels, place) for place in range(4)] == [1, -1, 2, 0]


def test_a_sure_network_does_not_add_other_shapes() -> None:
    nothing = np.zeros((96, 96), np.int32)
    block = draw_squares((96, 96), [(20, 20)], 40)
    image = photograph(block, noise=0)
    labels = check_annotation(image, nothing, nothing, block, np.array([0.95]), WINDOW)
    np.testing.assert_array_equal(labels, -block)
    # Unless the classical method found the same object and only its size was wrong.
    labels = check_annotation(image, -block, block, block, np.array([0.95]), WINDOW)
    np.testing.assert_array_equal(labels, block)
    labels = check_annotation(image, -block, block, block, np.array([0.6]), WINDOW)
    np.testing.assert_array_equal(labels, -block)


def test_a_pair_that_the_threshold_merged_is_split() -> None:
    pair = [(48.0, 38.0), (48.0, 58.0)]
    network = draw_disks((96, 96), pair, 9)
    image = photograph(network, noise=0)
    merged = ndi.binary_closing(network > 0, np.ones((3, 3))).astype(np.int32)
    labels = check_annotation(image, -merged, merged, network, np.array([0.9, 0.8]), WINDOW)
    assert (labels[network > 0] == network[network > 0]).all()


def test_ignored_places_stay_ignored() -> None:
    disks = draw_disks((96, 96), GRID, 9)
    first = disks.copy()
    first[0:4] = -1
    labels = check(first, disks, disks, [0.9] * 9)
    assert (labels[0:4] == -1).all()


def test_without_any_object_all_is_background() -> None:
    nothing = np.zeros((96, 96), np.int32)
    assert not check(nothing, nothing, nothing, []).any()


def test_counts_of_a_round() -> None:
    first = draw_squares((40, 40), [(0, 0), (0, 20), (20, 0)], 10)
    second = draw_squares((40, 40), [(20, 0), (20, 20)], 10)
    first[39], second[39] = -1, -1
    assert count_changes(first, second) == {
        "n_before": 3,
        "n_after": 2,
        "n_kept": 1,
        "n_dropped": 2,
        "n_new": 1,
        # Of 100 px each: two nuclei went, one came.
        "changed_px": 300,
    }


def test_agreement_where_the_annotation_is_not_in_doubt() -> None:
    objects = draw_disks((96, 96), GRID[:4], 9)
    accepted = np.where(objects == 4, 0, objects)
    # Two of three nuclei, one on a rejected object, one where there is nothing: 2 TP, 1 FP, 1 FN.
    found = draw_disks((96, 96), [GRID[0], GRID[1], GRID[3], GRID[8]], 9)
    assert measure_agreement([(found, objects, accepted)]) == pytest.approx(2 / 3)
    # The same twice as smaller disks, of an IoU of 0.77: right at 0.5, 0.6 and 0.7 only.
    found = draw_disks((96, 96), GRID[:3], 8)
    assert measure_agreement([(found, objects, accepted)] * 2) == pytest.approx(3 / 5)
    nothing = np.zeros((96, 96), np.int32)
    assert np.isnan(measure_agreement([(nothing, nothing, nothing)]))
    assert np.isnan(measure_agreement([]))

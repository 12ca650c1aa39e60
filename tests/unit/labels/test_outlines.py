from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from autonuclei.labels.outlines import list_sides, trace_outlines, trace_polygons, walk_rings


def measure_polygon(corners):
    x, y = corners[:, 0], corners[:, 1]
    return 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)


def test_rectangle_has_four_corners_clockwise():
    labels = np.zeros((6, 8), np.uint16)
    labels[2:4, 1:6] = 7
    outlines = trace_outlines(labels)
    assert outlines.labels.tolist() == [7]
    assert outlines.get_corners(7).tolist() == [[1, 2], [6, 2], [6, 4], [1, 4]]
    assert outlines.n_pieces.tolist() == [1]


def test_outline_reaches_the_image_border():
    outlines = trace_outlines(np.ones((3, 4), np.uint8))
    assert outlines.get_corners(1).tolist() == [[0, 0], [4, 0], [4, 3], [0, 3]]


def test_touching_labels_share_their_corners():
    outlines = trace_outlines(np.array([[1, 1, 2], [1, 1, 2]]))
    assert outlines.get_corners(1).tolist() == [[0, 0], [2, 0], [2, 2], [0, 2]]
    assert outlines.get_corners(2).tolist() == [[2, 0], [3, 0], [3, 2], [2, 2]]


def test_hole_is_ignored():
    labels = np.ones((5, 5), int)
    labels[2, 2] = 0
    outlines = trace_outlines(labels)
    assert outlines.n_pieces.tolist() == [1]
    assert measure_polygon(outlines.get_corners(1)) == 25


def test_pixels_that_touch_at_a_corner_are_one_piece():
    outlines = trace_outlines(np.array([[1, 0], [0, 1]]))
    assert outlines.n_pieces.tolist() == [1]
    assert measure_polygon(outlines.get_corners(1)) == 2


def test_larger_piece_is_taken_and_pieces_counted():
    labels = np.zeros((9, 9), np.uint16)
    labels[0, 0] = 3
    labels[4:7, 4:8] = 3
    labels[8, 0] = 5
    outlines = trace_outlines(labels)
    assert outlines.labels.tolist() == [3, 5]
    assert outlines.n_pieces.tolist() == [2, 1]
    assert outlines.get_corners(3).tolist() == [[4, 4], [8, 4], [8, 7], [4, 7]]


def test_no_labels_give_no_outlines():
    outlines = trace_outlines(np.zeros((4, 5), np.uint16))
    assert len(outlines.labels) == 0
    assert outlines.corners.shape == (0, 2)
    with pytest.raises(KeyError):
        outlines.get_corners(1)


def test_seventy_thousand_labels():
    labels = np.zeros((532, 532), np.float32)
    labels[::2, ::2] = np.arange(1, 266**2 + 1).reshape(266, 266)
    assert labels.max() > 70_000
    outlines = trace_outlines(labels)
    assert len(outlines.labels) == 266**2
    assert outlines.get_corners(70_000).shape == (4, 2)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3))
)
def test_area_is_that_of_the_largest_filled_piece(labels):
    outlines = trace_outlines(labels)
    assert outlines.labels.tolist() == [v for v in np.unique(labels).tolist() if v]
    for label, n_pieces in zip(outlines.labels, outlines.n_pieces, strict=True):
        pieces, n = ndimage.label(labels == label, structure=np.ones((3, 3)))
        # A hole is what the background reaches by sides only.
        areas = [ndimage.binary_fill_holes(pieces == i).sum() for i in range(1, n + 1)]
        assert n_pieces == n
        assert measure_polygon(outlines.get_corners(label)) == max(areas)
        corners = outlines.get_corners(label)
        steps = np.roll(corners, -1, axis=0) - corners
        assert np.all((steps == 0).sum(axis=1) == 1), "every side runs along one axis"
        assert np.all((steps[:, 0] == 0) != (np.roll(steps, 1, axis=0)[:, 0] == 0)), (
            "no flat corner"
        )


def fill_polygons(polygons, shape):
    """Pixels whose centres an even number of rings leaves outside."""
    inside = np.zeros(shape, bool)
    rows = np.arange(shape[0]) + 0.5
    for x, y, x_next, y_next in (
        (*corner, *following)
        for rings in polygons
        for ring in rings
        for corner, following in zip(ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True)
    ):
        assert x == x_next or y == y_next
        crossed = (rows > min(y, y_next)) & (rows < max(y, y_next))
        inside[crossed, x:] ^= True
    return inside


def test_polygons_have_holes_and_pieces():
    labels = np.zeros((7, 8), np.int32)
    labels[1:4, 1:4] = 9
    labels[2, 2] = 0
    labels[4, 4] = 9  # touches at a corner
    labels[6, 6:] = 2
    polygons = trace_polygons(labels)
    assert list(polygons) == [2, 9]
    assert [[ring.tolist() for ring in rings] for rings in polygons[9]] == [
        [[[1, 1], [4, 1], [4, 4], [1, 4]], [[3, 2], [2, 2], [2, 3], [3, 3]]],
        [[[4, 4], [5, 4], [5, 5], [4, 5]]],
    ]
    assert trace_polygons(np.zeros((3, 2), np.int32)) == {}


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2))
)
def test_polygons_hold_the_very_pixels(labels):
    polygons = trace_polygons(labels)
    assert list(polygons) == [v for v in np.unique(labels).tolist() if v]
    for label, own in polygons.items():
        np.testing.assert_array_equal(fill_polygons(own, labels.shape), labels == label)
        assert len(own) == ndimage.label(labels == label)[1]
        for rings in own:
            assert [measure_polygon(ring) > 0 for ring in rings] == [True] + [False] * (
                len(rings) - 1
            )
            for ring in rings:
                assert len(np.unique(ring, axis=0)) == len(ring), "meets itself"


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_outlines_in_strips_are_those_of_the_whole(dtype, monkeypatch):
    rng = np.random.default_rng(3)
    labels = np.kron(rng.integers(0, 25, (12, 9)), np.ones((4, 5))).astype(dtype)
    labels[rng.random(labels.shape) < 0.1] = 0
    whole, polygons = trace_outlines(labels), trace_polygons(labels.astype(np.int32))
    monkeypatch.setattr("autonuclei.labels.strips.STRIP_PX", 7 * labels.shape[1])
    monkeypatch.setattr("autonuclei.labels.strips.FEWEST_ROWS", 1)
    strips = trace_outlines(labels)
    for name in ("labels", "n_pieces", "offsets", "corners"):
        np.testing.assert_array_equal(getattr(strips, name), getattr(whole, name))
    pieces = trace_polygons(labels.astype(np.int32))
    assert list(pieces) == list(polygons)
    for label, own in polygons.items():
        for one, other in zip(own, pieces[label], strict=True):
            assert [ring.tolist() for ring in one] == [ring.tolist() for ring in other]


@given(arrays(np.int32, (5, 6), elements=st.integers(0, 2)))
@settings(max_examples=30, deadline=None)
def test_sides_are_those_between_different_neighbours(labels):
    below = [
        (labels[y, x], labels[y + 1, x])
        for y in range(4)
        for x in range(6)
        if labels[y, x] != labels[y + 1, x]
    ]
    right = [
        (labels[y, x], labels[y, x + 1])
        for y in range(5)
        for x in range(5)
        if labels[y, x] != labels[y, x + 1]
    ]
    assert list(zip(*list_sides(labels).tolist(), strict=True)) == below + right
    # Of a strip, the row below it counts for sides below only.
    n_last = int((np.diff(labels[-1]) != 0).sum())
    assert list_sides(labels, 4).shape[1] == len(below) + len(right) - n_last


@given(st.permutations(range(9)))
@settings(max_examples=50, deadline=None)
def test_rings_are_walked_from_their_least_edges(successor):
    walk, bounds = walk_rings(np.array(successor))
    rings = [walk[a:b].tolist() for a, b in pairwise(bounds)]
    left = list(range(9))
    for ring in rings:
        assert ring[0] == left[0]
        assert [successor[edge] for edge in ring] == [*ring[1:], ring[0]]
        left = [edge for edge in left if edge not in ring]
    assert not left

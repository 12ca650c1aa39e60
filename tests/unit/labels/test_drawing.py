"""Polygons drawn as labels."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.measure import points_in_poly

from autonuclei.labels.drawing import draw_polygons, fill_circle, fill_polygon
from autonuclei.labels.outlines import trace_outlines


def make_circle(row: float, column: float, radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return np.stack([row + radius * np.sin(angles), column + radius * np.cos(angles)])


def test_the_more_probable_polygon_lies_on_top() -> None:
    polygons = np.stack([make_circle(20, 20, 8), make_circle(20, 28, 8)])
    for probability, top in (([0.9, 0.5], 1), ([0.5, 0.9], 2)):
        labels = draw_polygons(polygons, np.array(probability), (40, 48))
        assert labels.dtype == np.int32
        assert labels[20, 24] == top
        assert labels[20, 14] == 1
        assert labels[20, 34] == 2
    assert draw_polygons(polygons[:0], np.zeros(0), (40, 48)).max() == 0


def find_inside(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    places = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1).reshape(-1, 2)
    return np.flatnonzero(points_in_poly(places[:, ::-1], corners))


@pytest.mark.parametrize("seed", range(20))
def test_pixels_in_polygons_are_those_with_their_centre_inside(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (30, 40)
    # Also concave ones, ones that cross themselves, and ones partly outside.
    corners = random.uniform(-8, 48, (random.integers(3, 12), 2))
    assert np.array_equal(fill_polygon(corners, shape), find_inside(corners, shape))


def test_outlines_along_pixels_give_their_pixels_back() -> None:
    labels = np.random.default_rng(1).integers(0, 2, (40, 50))
    labels, _ = ndi.label(labels, np.ones((3, 3)))
    outlines = trace_outlines(labels)
    for label in outlines.labels:
        filled = np.zeros(labels.shape, bool)
        filled.ravel()[fill_polygon(outlines.get_corners(label) - 0.5, labels.shape)] = True
        piece = ndi.label(labels == label, np.ones((3, 3)))[0]
        largest = max(
            (ndi.binary_fill_holes(piece == k) for k in range(1, piece.max() + 1)),
            key=lambda mask: mask.sum(),
        )
        assert np.array_equal(filled, largest)


@pytest.mark.parametrize("scale", [1, 1e3, 2e9])
def test_polygons_far_away_and_without_area(scale: float) -> None:
    shape = (30, 40)
    assert len(fill_polygon(np.array([[1, 1], [2, 2], [1, 1]]) * scale, shape)) == 0
    assert len(fill_polygon(np.array([[50, 1], [60, 1], [55, 9]]) * scale, shape)) == 0
    everything = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * 50 * scale
    assert len(fill_polygon(everything, shape)) == 30 * 40


@pytest.mark.parametrize(
    ("y", "x", "radius"),
    [(10, 12, 3), (10.4, 12.7, 3.3), (-1, 5, 3), (29, 39, 4.5), (15, 20, 1e9), (90, 5, 3)],
)
def test_pixels_in_circles(y: float, x: float, radius: float) -> None:
    rows, columns = np.mgrid[:30, :40]
    expected = np.flatnonzero((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)
    assert np.array_equal(fill_circle(y, x, radius, (30, 40)), expected)


def test_a_circle_between_pixels_has_the_nearest() -> None:
    assert fill_circle(3.4, 5.6, 0.1, (30, 40)).tolist() == [3 * 40 + 6]
    assert fill_circle(29.4, 39.4, 0.0, (30, 40)).tolist() == [30 * 40 - 1]
    assert len(fill_circle(-0.6, 5, 0.01, (30, 40))) == 0

"""Polygons drawn as labels."""

import numpy as np

from autonuclei.labels.drawing import draw_polygons


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

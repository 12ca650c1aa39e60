"""Ellipticity of drawn shapes, from pixels and from outlines."""

import numpy as np
import pytest

from autonuclei.labels.shapes import (
    find_spans,
    measure_ellipticity,
    measure_means,
    measure_polygon,
)


def test_ellipticity_of_drawn_shapes() -> None:
    labels = np.zeros((200, 200), np.int32)
    rows, columns = np.indices(labels.shape)
    labels[np.hypot(rows - 40, columns - 40) <= 20] = 1
    labels[((rows - 40) / 12) ** 2 + ((columns - 120) / 30) ** 2 <= 1] = 2
    labels[
        (np.hypot(rows - 120, columns - 40) <= 18) | (np.hypot(rows - 120, columns - 76) <= 18)
    ] = 3
    labels[100:140, 130:190] = 5
    area, ellipticity = measure_ellipticity(labels)
    assert area[[1, 4, 5]].tolist() == [(labels == 1).sum(), 0, 2400]
    # A rectangle: 12 / (4 pi); two disks that touch: 1 / sqrt(1.25).
    expected = [1, 1, 1 / np.sqrt(1.25), 3 / np.pi]
    assert ellipticity[[1, 2, 3, 5]] == pytest.approx(expected, abs=0.01)


def test_ellipticity_of_polygons() -> None:
    angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    ellipse = np.stack([500 + 20 * np.sin(angles), 9 * np.cos(angles)], axis=1)
    rectangle = np.array([[0, 0], [0, 30], [7, 30], [7, 0]], np.float64)
    for corners, expected in ((ellipse, 1), (rectangle, 3 / np.pi)):
        assert measure_polygon(corners) == pytest.approx(expected, abs=1e-3)
        assert measure_polygon(corners[::-1]) == pytest.approx(measure_polygon(corners))


def test_means_of_labels() -> None:
    labels = np.array([[0, 1, 1], [3, 3, 0]])
    means = measure_means(np.array([[9.0, 1.0, 2.0], [4.0, 8.0, 9.0]]), labels)
    assert means[1:].tolist() == [1.5, 0, 6]
    assert len(measure_means(np.ones((2, 2)), np.zeros((2, 2), int))) == 1


def test_spans_of_labels() -> None:
    labels = np.array([[0, 1, 1, 0], [1, 1, 0, 4], [0, 0, 4, 4]], np.uint16)
    spans = find_spans(labels, 6)
    assert spans[1].tolist() == [[0, 1], [0, 2]]
    assert spans[4].tolist() == [[1, 2], [2, 3]]
    assert (spans[[0, 2, 3, 5]] == -1).all()

"""Parting labels that touch."""

import numpy as np

from autonuclei.labels.growth import open_contacts


def test_where_two_labels_touch_both_draw_back():
    labels = np.array([[1, 1, 1, 2, 2], [1, 1, 0, 2, 2], [3, 3, 0, 0, 2]])
    expected = [[1, 1, 0, 0, 2], [0, 0, 0, 2, 2], [0, 0, 0, 0, 2]]
    assert open_contacts(labels).tolist() == expected

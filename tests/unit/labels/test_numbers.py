"""Numbers of labels: kept, made anew, replaced."""

import numpy as np
import pytest

from autonuclei.labels.numbers import keep_labels, number_by_position, replace_labels
from shapes import draw_squares


def test_kept_labels_keep_their_numbers() -> None:
    labels = draw_squares((30, 30), [(2, 2), (2, 15), (15, 2)], 5)
    kept = keep_labels(labels, np.array([1, 3]))
    assert kept.dtype == labels.dtype
    assert np.unique(kept).tolist() == [0, 1, 3]
    np.testing.assert_array_equal(kept == 3, labels == 3)
    assert keep_labels(labels, np.array([], np.int64)).max() == 0
    assert keep_labels(np.zeros((4, 4), np.int32), np.array([], np.int64)).max() == 0


def test_labels_are_numbered_by_their_first_pixel() -> None:
    labels = np.array([[0, 9, 0, 4], [2, 9, 4, 4], [2, 0, 0, 7]], np.uint16)
    assert number_by_position(labels).tolist() == [[0, 1, 0, 2], [3, 1, 2, 2], [3, 0, 0, 4]]
    assert number_by_position(np.zeros((2, 3), np.int32)).max() == 0


def test_labels_are_replaced_and_unknown_ones_refused() -> None:
    labels = np.array([[0, 3], [5, 5]], np.uint16)
    new = replace_labels(labels, np.array([5, 3]), np.array([1, 70000]), dtype=np.float32)
    assert new.dtype == np.float32
    assert new.tolist() == [[0, 70000], [1, 1]]
    for old, culprit in (([5], 3), ([3, 4, 5], 4)):
        with pytest.raises(KeyError) as error:
            replace_labels(labels, np.array(old), np.array(old), dtype=np.int32)
        assert error.value.args == (culprit,)

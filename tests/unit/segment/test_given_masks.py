"""Label images of the user: numbers, pieces, sizes."""

import numpy as np
import pytest

from autonuclei.errors import InputError
from autonuclei.io import lazy_planes
from autonuclei.io.lazy_planes import LazyPlane
from autonuclei.labels import strips
from autonuclei.labels.numbers import number_anew
from autonuclei.segment.given_labels import prepare_labels


def test_numbers_that_fit_stay() -> None:
    labels = np.zeros((40, 50), np.int32)
    labels[2:8, 2:8], labels[20:30, 20:30] = 7, 65535
    kept, remarks = prepare_labels(labels, (40, 50), name="a.tif")
    np.testing.assert_array_equal(kept, labels)
    assert remarks == []


def test_as_many_numbers_as_pixels_stay() -> None:
    labels = np.zeros((300, 300), np.int32)
    labels[0, 0] = labels.size
    kept, remarks = prepare_labels(labels, labels.shape, name="a.tif")
    assert kept.max() == labels.size
    assert remarks == []


def test_larger_numbers_are_counted_anew_in_their_order() -> None:
    labels = np.zeros((40, 50), np.int32)
    labels[2:8, 2:8], labels[20:30, 20:30], labels[35, 5] = 2_000_000_000, 7, 65536
    kept, remarks = prepare_labels(labels, (40, 50), name="a.tif")
    assert (kept[4, 4], kept[25, 25], kept[35, 5], kept[0, 0]) == (3, 1, 2, 0)
    assert remarks == ["its numbers go up to 2000000000; they were numbered anew from 1"]


def test_numbering_anew_without_background() -> None:
    assert number_anew(np.array([[5, 5], [9, 2]])).tolist() == [[2, 2], [3, 1]]


def test_nuclei_in_pieces_are_named() -> None:
    labels = np.zeros((40, 80), np.int32)
    for number in range(1, 8):
        labels[2:6, number * 10 - 5], labels[20:30, number * 10 - 5] = number, number
    labels[20:30, 75] = 8
    kept, remarks = prepare_labels(labels, (40, 80), name="a.tif")
    np.testing.assert_array_equal(kept, labels)
    assert remarks == [
        "nuclei in several pieces, each counted as one: 1, 2, 3, 4, 5 and 2 more. Outlines show "
        "the largest piece"
    ]


def test_another_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"a\.tif: is 50 x 40 pixels, but its image is 50 x 41"):
        prepare_labels(np.zeros((40, 50), np.int32), (41, 50), name="a.tif")


def test_no_nucleus_at_all() -> None:
    kept, remarks = prepare_labels(np.zeros((4, 5), np.int32), (4, 5), name="a.tif")
    assert (kept.max(), remarks) == (0, [])


@pytest.mark.parametrize("factor", [1, 1000])
def test_label_images_that_are_read_part_by_part(
    factor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_BAND_PX", 100), ("_BAND_ROWS", 7)):
        monkeypatch.setattr(lazy_planes, name, value)
    monkeypatch.setattr(strips, "STRIP_PX", 100)
    monkeypatch.setattr(strips, "FEWEST_ROWS", 9)
    labels = np.zeros((40, 50), np.int32)
    labels[2:30, 2:8], labels[33:36, 20:30], labels[5:7, 40:44] = 90 * factor, 7, 90 * factor
    lazy = LazyPlane(labels.shape, np.int32, lambda w: labels[w[0] : w[1], w[2] : w[3]])
    kept, remarks = prepare_labels(lazy, (40, 50), name="a.tif")
    assert isinstance(kept, LazyPlane)
    number = 90 if factor == 1 else 2
    assert kept[5:7, 40:42].tolist() == [[number] * 2] * 2
    whole, said = prepare_labels(labels, (40, 50), name="a.tif")
    np.testing.assert_array_equal(np.asarray(kept), whole)
    assert remarks == said
    assert f"each counted as one: {number}. " in remarks[-1]
    assert len(remarks) == (1 if factor == 1 else 2)

"""Images in strips give what they give in one piece."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autonuclei.labels import strips
from autonuclei.labels.overlap import find_overlaps
from autonuclei.labels.strips import count_pixels, list_shares, list_strips, share_out, take_pixels

Array = npt.NDArray[Any]
RNG = np.random.default_rng(4)
LABELS = np.kron(RNG.integers(0, 9, (9, 6)), np.ones((5, 7), np.int64)).astype(np.int32)


@pytest.fixture(params=[1, 4, 7, 45])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Strips of so many rows; borders go through the nuclei."""
    monkeypatch.setattr(strips, "STRIP_PX", LABELS.shape[1] * request.param)
    monkeypatch.setattr(strips, "FEWEST_ROWS", 1)
    return int(request.param)


def test_strips_cover_an_image_once(rows: int) -> None:
    found = list_strips(LABELS.shape)
    assert [n for strip in found for n in range(strip.row, strip.end_row)] == list(range(45))
    assert max(strip.end_row - strip.row for strip in found) <= rows
    assert all(strip.row % 3 == 0 for strip in list_strips(LABELS.shape, multiple=3))


def test_counts_in_strips(rows: int) -> None:
    np.testing.assert_array_equal(count_pixels(LABELS), np.bincount(LABELS.ravel()))
    one, two = LABELS.astype(np.uint16), np.roll(LABELS, (3, 2), axis=(0, 1))
    found = find_overlaps(one, two)
    pairs, counts = np.unique(
        np.stack([one, two]).reshape(2, -1)[:, (one > 0).ravel() & (two > 0).ravel()],
        axis=1,
        return_counts=True,
    )
    np.testing.assert_array_equal([found.own, found.other], pairs)
    np.testing.assert_array_equal(found.shared, counts)
    np.testing.assert_array_equal(found.area_own[1:], np.bincount(one.ravel())[1:])


def test_each_nucleus_is_whole_in_one_strip(rows: int) -> None:
    """Label 4 is nowhere, label 12 the last one."""
    labels = np.where(LABELS == 4, 0, LABELS)
    labels[30:33, 3:20] = 12
    seen = np.zeros(13, int)
    for strip in share_out(labels, margin=2):
        own = strip.own_labels
        numbers = np.unique(own[own > 0])
        seen[numbers] += 1
        assert (np.bincount(own.ravel(), minlength=13) == count_pixels(labels))[numbers].all()
        np.testing.assert_array_equal(strip.labels, labels[strip.block.slices])
    np.testing.assert_array_equal(seen[1:] == 1, np.bincount(labels.ravel())[1:] > 0)
    assert seen.max() == 1


def test_image_without_a_nucleus_is_nobodys(rows: int) -> None:
    shares = list_shares(np.zeros_like(LABELS))
    assert [share.core for share in shares] == list_strips(LABELS.shape)
    assert not any(share.owned.any() for share in shares)


def test_values_at_places(rows: int) -> None:
    places = RNG.permutation(LABELS.size)[:50]
    np.testing.assert_array_equal(take_pixels(LABELS, places), LABELS.ravel()[places])

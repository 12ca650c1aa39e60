"""Patches that are turned, and batches that are drawn ahead."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonuclei.train.batches import PatchPlaces, flip_rotate, prefetch
from autonuclei.train.stored import StoredLabels


def test_flips_keep_image_and_labels_together() -> None:
    np.random.seed(0)  # noqa: NPY002 - what StarDist draws from
    image = np.arange(64.0).reshape(8, 8)
    seen = set()
    for _ in range(60):
        turned, labels = flip_rotate(image, image.astype(np.int32))
        np.testing.assert_array_equal(turned, labels)
        seen.add(turned.tobytes())
    assert len(seen) == 8


@given(
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    side=st.sampled_from([2, 6, 8]),
    share=st.sampled_from([0.0, 0.002, 0.02, 1.0]),
    strip=st.integers(1, 40),
)
@settings(max_examples=60, deadline=None)
def test_places_of_patches_are_those_that_stardist_lists(
    height: int, width: int, side: int, share: float, strip: int
) -> None:
    labels = (np.random.default_rng(height + width).random((height, width)) < share).astype(int)
    places = PatchPlaces(StoredLabels(labels - (labels == 0)), side, strip=strip)
    for nuclei in (False, True):
        rows, columns = places.choose(nuclei=nuclei)
        listed = [
            (row, column)
            for row in range(side // 2, height - side + side // 2 + 1)
            for column in range(side // 2, width - side + side // 2 + 1)
            if not nuclei or labels[row - side // 2 :, column - side // 2 :][:side, :side].any()
        ]
        assert len(rows) == len(columns) == len(listed)
        numbers = range(len(listed))
        assert list(zip(rows[numbers], columns[numbers], strict=True)) == listed


def test_batches_drawn_ahead_come_in_order() -> None:
    assert list(prefetch(range(20), depth=3)) == list(range(20))


def test_an_error_while_drawing_ahead_is_raised() -> None:
    def draw() -> Iterator[int]:
        yield 1
        raise ValueError("no patch")

    drawn = prefetch(draw())
    assert next(drawn) == 1
    with pytest.raises(ValueError, match="no patch"):
        next(drawn)

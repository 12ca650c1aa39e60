"""Patches that are turned, and batches that are drawn ahead."""

from collections.abc import Iterator

import numpy as np
import pytest

from autonuclei.train.batches import flip_rotate, prefetch


def test_flips_keep_image_and_labels_together() -> None:
    np.random.seed(0)  # noqa: NPY002 - what StarDist draws from
    image = np.arange(64.0).reshape(8, 8)
    seen = set()
    for _ in range(60):
        turned, labels = flip_rotate(image, image.astype(np.int32))
        np.testing.assert_array_equal(turned, labels)
        seen.add(turned.tobytes())
    assert len(seen) == 8


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

"""Requests of memory and tiles that fit into it."""

from typing import Any

import pytest

from autonuclei.segment.memory import LARGEST_TILE, TENSORFLOW_MB, estimate_memory, fit_tile
from autonuclei.train.networks import Network

NETWORK: Any = Network(None)


@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("image", [0.3, 4.0, 40.0])
@pytest.mark.parametrize("tile", [0.5, 2.0, LARGEST_TILE])
def test_the_tile_that_was_asked_for_fits(image: float, tile: float, scale: float) -> None:
    """Whatever the scale: an image that the network sees enlarged gets no tiny tiles."""
    seen = image * scale**2
    memory = estimate_memory(TENSORFLOW_MB, image, seen, tile)
    assert fit_tile(NETWORK, memory, image, seen) == pytest.approx(tile)
    assert fit_tile(NETWORK, memory + 1e6, image, seen) == LARGEST_TILE
    assert fit_tile(NETWORK, 0, image, seen) == 0.5
    assert memory < estimate_memory(TENSORFLOW_MB, image, seen, tile + 1)
    assert memory < estimate_memory(TENSORFLOW_MB, image, seen + 1, tile)
    assert memory < estimate_memory(TENSORFLOW_MB, image + 1, seen, tile)

"""Requests of memory and tiles that fit into it."""

import pytest

from autonuclei.segment.memory import LARGEST_TILE, estimate_memory, fit_tile


@pytest.mark.parametrize("image", [0.3, 4.0, 40.0])
@pytest.mark.parametrize("tile", [0.5, 2.0, LARGEST_TILE])
def test_the_tile_that_was_asked_for_fits(image: float, tile: float) -> None:
    memory = estimate_memory(image, tile)
    assert fit_tile(memory, image) == pytest.approx(tile)
    assert fit_tile(memory + 1e6, image) == LARGEST_TILE
    assert fit_tile(0, image) == 0.5
    assert memory < estimate_memory(image, tile + 1)
    assert memory < estimate_memory(image + 1, tile)

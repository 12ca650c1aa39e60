import numpy as np
import pytest

from autonuclei.labels.blocks import Block, is_large, list_blocks


@pytest.mark.parametrize(
    ("shape", "side", "n_rows", "n_columns"),
    [
        ((700, 900), 256, 3, 4),
        ((700, 900), 1000, 1, 1),
        ((100, 7), 10, 10, 1),
        ((512, 513), 512, 1, 2),
    ],
)
def test_blocks_cover_an_image_once_and_are_of_a_size(shape, side, n_rows, n_columns):
    blocks = list_blocks(shape, side)
    assert len(blocks) == n_rows * n_columns
    count = np.zeros(shape, int)
    for block in blocks:
        count[block.slices] += 1
    assert (count == 1).all()
    for sizes in zip(*(block.shape for block in blocks), strict=True):
        assert max(sizes) <= side
        assert max(sizes) - min(sizes) <= 1


def test_blocks_come_row_by_row():
    assert list_blocks((4, 6), 3) == [(0, 2, 0, 3), (0, 2, 3, 6), (2, 4, 0, 3), (2, 4, 3, 6)]


def test_a_margin_ends_at_the_border():
    core = Block(2, 10, 20, 30)
    outer = core.grow(5, (12, 100))
    assert outer == Block(0, 12, 15, 35)
    assert outer.shape == (12, 20)
    assert core.place_in(outer) == Block(2, 10, 5, 15)
    assert outer.window == (0, 12, 15, 35)
    image = np.arange(1200).reshape(12, 100)
    assert (image[outer.slices][core.place_in(outer).slices] == image[core.slices]).all()


def test_an_image_is_large_from_one_and_a_half_blocks_on():
    assert not is_large((100, 150), 100)
    assert is_large((100, 151), 100)

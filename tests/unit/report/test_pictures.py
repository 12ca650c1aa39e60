"""Boxes, outlines and scale bars of figures that show images."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from autonuclei.report.pictures import (
    add_outlines,
    add_scale_bar,
    choose_side,
    find_inside,
    show_grey,
    shrink_image,
    slide_box,
    tile_image,
)
from shapes import draw_squares


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((10, 10), 10, [(0, 10, 0, 10)]),
        ((10, 20), 10, [(0, 10, 0, 10), (0, 10, 10, 20)]),
        ((10, 14), 10, [(0, 10, 0, 14)]),
        ((10, 26), 10, [(0, 10, 0, 9), (0, 10, 9, 17), (0, 10, 17, 26)]),
    ],
)
def test_tiles_cover_the_image_once(shape, side, expected):
    assert tile_image(shape, side) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((10, 10), [(0, 10, 0, 10)]),
        ((10, 20), [(0, 10, 0, 10), (0, 10, 5, 15), (0, 10, 10, 20)]),
        # all have the same size
        ((10, 13), [(0, 10, 0, 10), (0, 10, 3, 13)]),
    ],
)
def test_boxes_slide_by_half(shape, expected):
    assert slide_box(shape, 10) == expected


def test_side_follows_the_nuclei_and_fits_the_image():
    areas = np.full(5, np.pi * 10**2)
    assert choose_side(areas, (1000, 2000)) == 180
    assert choose_side(areas, (100, 2000)) == 100
    assert choose_side(np.array([]), (1000, 1000)) == 48


def test_inside_is_half_open():
    assert find_inside((0, 2, 0, 2), np.array([0, 1.9, 2]), np.zeros(3)).tolist() == [1, 1, 0]


def test_shrinking_takes_means_of_blocks():
    image = np.arange(36, dtype=np.uint16).reshape(6, 6)
    small, block = shrink_image(image, 3)
    assert block == 2
    np.testing.assert_array_equal(small, image.reshape(3, 2, 3, 2).mean(axis=(1, 3)))
    np.testing.assert_array_equal(shrink_image(image, 6)[0], image)


def test_large_image_keeps_its_coordinates():
    axes = Figure().subplots()
    show_grey(axes, np.zeros((10, 4100), np.uint8))
    assert axes.images[0].get_array().shape == (3, 1366)
    assert tuple(axes.images[0].get_extent()) == (-0.5, 4097.5, 8.5, -0.5)


def test_outlines_lie_on_the_edges_of_pixels():
    labels = draw_squares((20, 20), [(2, 3), (10, 10)], 4)
    axes = Figure().subplots()
    add_outlines(axes, labels, {1: "#FF0000"})
    (collection,) = axes.collections
    (path,) = collection.get_paths()
    assert path.get_extents().bounds == (2.5, 1.5, 4, 4)
    add_outlines(axes, labels, "#00FF00", fill=["#00FF00"])
    assert len(axes.collections[1].get_paths()) == 2
    assert axes.collections[1].get_facecolor()[0, 3] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("pixel_size", "says", "px"), [(0.5, "20 µm", 40), (None, "50 px", 50), (0.001, "0.05 µm", 50)]
)
def test_scale_bar_has_the_length_that_it_says(pixel_size, says, px):
    axes = Figure().subplots()
    show_grey(axes, np.zeros((100, 200)))
    add_scale_bar(axes, 200, pixel_size)
    assert [text.get_text() for text in axes.texts] == [says]
    ends = axes.lines[0].get_xdata()
    assert (ends[1] - ends[0]) * 200 == pytest.approx(px)

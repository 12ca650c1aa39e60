"""Nuclei at levels of their own, on drawn images."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.component_tree import (
    build_tree,
    choose_parts,
    find_nuclei,
    measure_rise,
    score_ellipses,
)
from autonuclei.annotate.foreground import find_foreground
from shapes import draw_disks

BACKGROUND = 100.0


def photograph(labels, brightness, *, light=None, noise=2.0):
    """Blurred nuclei, each with its own brightness, in the light `light` (added)."""
    image = ndi.gaussian_filter(np.append(0.0, brightness)[labels], 1.5) + BACKGROUND
    if light is not None:
        image = image + light
    return image + np.random.default_rng(0).normal(0, noise, labels.shape)


def count_hits(found, truth):
    """True nuclei that lie in exactly one object which holds no other."""
    hits = 0
    for number in range(1, truth.max() + 1):
        middle = np.round(ndi.center_of_mass(truth == number)).astype(int)
        label = found[tuple(middle)]
        inside = np.unique(truth[found == label])
        hits += bool(label) and np.setdiff1d(inside, 0).tolist() == [number]
    return hits


def test_bright_and_dim_nuclei_are_found_alike():
    """Otsu's threshold lies between the two and sees the bright ones only."""
    truth = draw_disks(
        (160, 160), [(25 + 55 * i, 25 + 55 * k) for i in range(3) for k in range(3)], 10
    )
    image = photograph(truth, [1000, 60, 1000, 60, 1000, 60, 1000, 60, 60])
    threshold, _ = find_foreground(image, threshold_factor=1.0)
    assert ndi.label(threshold)[1] == 4
    labels, area = find_nuclei(image)
    assert labels.max() == 9
    assert count_hits(labels, truth) == 9
    assert area == pytest.approx(np.pi * 10**2, rel=0.35)


def test_nuclei_on_a_bright_tissue_are_found():
    """The outline of the tissue is an ellipse too, but its nuclei explain more of the image."""
    centres = [(30 + 22 * i, 30 + 22 * k) for i in range(7) for k in range(7)]
    truth = draw_disks((200, 200), centres, 7)
    rows, columns = np.indices(truth.shape)
    tissue = 300.0 * (np.hypot(rows - 96, columns - 96) < 95)
    image = photograph(truth, np.full(49, 250.0), light=ndi.gaussian_filter(tissue, 3))
    labels, area = find_nuclei(image)
    assert count_hits(labels, truth) >= 47
    assert area < 4 * np.pi * 7**2


def test_a_dark_line_parts_two_nuclei():
    truth = draw_disks((60, 80), [(30, 28), (30, 53)], 11)
    labels, _ = find_nuclei(photograph(truth, [500, 500]))
    assert count_hits(labels, truth) == 2


def test_texture_does_not_part_a_nucleus():
    truth = draw_disks((120, 120), [(35, 35), (35, 85), (85, 60)], 20)
    rng = np.random.default_rng(1)
    texture = 1 + 0.6 * ndi.gaussian_filter(rng.normal(size=truth.shape), 3) * 3
    image = ndi.gaussian_filter((truth > 0) * 500 * texture, 1.5) + BACKGROUND
    labels, _ = find_nuclei(image + rng.normal(0, 2, truth.shape))
    assert labels.max() == 3
    assert count_hits(labels, truth) == 3


def test_large_nuclei_are_looked_for_on_a_coarser_grid_but_lie_where_they_are():
    truth = draw_disks((400, 402), [(100, 100), (100, 300), (300, 200)], 45)
    labels, area = find_nuclei(photograph(truth, [500, 400, 300]))
    assert labels.shape == truth.shape
    assert count_hits(labels, truth) == 3
    assert area == pytest.approx(np.pi * 45**2, rel=0.2)
    for number in range(1, 4):
        found = labels[tuple(np.round(ndi.center_of_mass(truth == number)).astype(int))]
        off = np.subtract(ndi.center_of_mass(labels == found), ndi.center_of_mass(truth == number))
        assert np.abs(off).max() < 3


@pytest.mark.parametrize("image", [np.zeros((40, 40)), np.full((40, 40), 7, np.uint16)])
def test_a_flat_image_has_no_nucleus(image):
    labels, area = find_nuclei(image)
    assert not labels.any()
    assert np.isnan(area)


def test_noise_has_no_nucleus():
    noise = np.random.default_rng(3).normal(1000, 30, (200, 200))
    assert find_nuclei(noise)[0].max() <= 2


def test_score_falls_with_shape_and_size():
    no = np.zeros(5, bool)
    shape = np.array([1.0, 0.9, 0.8, 0.5, 1.0])
    size = np.array([100.0, 100, 100, 100, 10])
    assert score_ellipses(shape, size, 100, no) == pytest.approx([1, 0.5, 0, 0, 0])
    assert score_ellipses(shape, size, None, no) == pytest.approx([1, 0.5, 0, 0, 1])
    # What the border cuts may be small.
    assert score_ellipses(shape, size, 100, ~no)[4] == 1
    large = score_ellipses(np.ones(2), np.array([500.0, 700.0]), 100, no[:2])
    assert large == pytest.approx([0.5, 0])


def make_tree():
    """Two peaks (8 and 6) that join at 2; a third (4) of its own."""
    profile = np.array([[0, 2, 8, 2, 6, 2, 0, 4, 0]], np.float32)
    return build_tree(np.repeat(profile, 3, axis=0), np.array([1, 3, 5], np.float32), 0)


def test_tree_of_a_drawn_profile():
    tree = make_tree()
    assert tree.area.tolist() == [15, 3, 3, 3, 3, 3, 3]
    assert tree.peak.tolist() == [8, 4, 8, 6, 4, 8, 6]
    assert tree.parent.tolist() == [-1, -1, 0, 0, 1, 2, 3]
    assert tree.level.tolist() == [1, 1, 3, 3, 3, 5, 5]


def test_rise_is_the_prominence_of_a_peak():
    assert measure_rise(make_tree(), 0.5).tolist() == [7.5, 3.5, 7.5, 5, 3.5, 7.5, 5]


@pytest.mark.parametrize(
    ("value", "chosen"),
    [
        ([5, 1, 2, 2, 0, 0, 0], [0, 1]),
        ([3, 0, 2, 2, 1, 0, 0], [2, 3, 4]),
        ([3, 0, 2, 0, 0, 4, 0], [5]),
        ([0, 0, 0, 0, 0, 0, 0], []),
    ],
)
def test_the_parts_with_the_largest_sum_are_chosen(value, chosen):
    assert np.flatnonzero(choose_parts(make_tree(), np.array(value, float))).tolist() == chosen

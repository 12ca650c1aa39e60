"""Two proposals and the better one at each place, on drawn label images."""

import numpy as np
from scipy import ndimage as ndi

from autonuclei.annotate.boundaries import refine_boundaries
from autonuclei.annotate.proposals import choose_better, find_objects, split_by_shape
from autonuclei.annotate.splitting import split_nuclei
from shapes import draw_disks, photograph


def pair_of_disks():
    return draw_disks((60, 100), [(30, 32), (30, 62)], 16)


def test_a_clump_is_split_and_a_nucleus_is_not():
    truth = pair_of_disks()
    split = split_by_shape((truth > 0).astype(np.int32))
    assert split.max() == 2
    assert (split[30, 32], split[30, 62]) == (1, 2)
    one = draw_disks((60, 60), [(30, 30)], 16)
    assert np.array_equal(split_by_shape(one), one)


def test_neighbours_that_are_single_nuclei_stay_apart():
    labels = np.zeros((60, 60), np.int32)
    labels[10:50, 10:30] = 1
    labels[10:50, 30:50] = 2
    assert np.array_equal(split_by_shape(labels), labels)


def test_two_disks_are_better_than_one_clump():
    truth = pair_of_disks()
    clump = (truth > 0).astype(np.int32)
    area = float(np.pi * 16**2)
    for first, second in ((truth, clump), (clump, truth)):
        better = choose_better(first, second, typical_area=area)
        assert len(np.unique(better)) == 3
        assert np.array_equal(better > 0, truth > 0)


def test_one_disk_is_better_than_its_halves():
    disk = draw_disks((60, 60), [(30, 30)], 16)
    halves = disk.copy()
    halves[:, 30:] *= 2
    for first, second in ((disk, halves), (halves, disk)):
        better = choose_better(first, second, typical_area=float(np.pi * 16**2))
        assert len(np.unique(better)) == 2


def test_what_only_one_has_is_kept():
    left, right = np.zeros((40, 80), np.int32), np.zeros((40, 80), np.int32)
    left[10:30, 10:30] = 1
    right[10:30, 50:70] = 1
    better = choose_better(left, right, typical_area=400)
    assert (better[20, 20], better[20, 60]) == (1, 2)
    empty = np.zeros_like(left)
    assert np.array_equal(choose_better(empty, right, typical_area=400), right)
    assert np.array_equal(choose_better(left, empty, typical_area=400), left)


def test_without_foreground_there_is_no_object():
    image = photograph(pair_of_disks())
    found = find_objects(
        image,
        np.zeros(image.shape, bool),
        local_levels=True,
        refine_boundaries=True,
        cut_clumps=True,
    )
    assert found.dtype == np.int32
    assert not found.any()


def test_one_threshold_alone_is_as_published():
    """With all that the default adds switched off, it is the watershed of the foreground."""
    truth = pair_of_disks()
    found = find_objects(
        photograph(truth),
        truth > 0,
        local_levels=False,
        refine_boundaries=False,
        cut_clumps=False,
    )
    assert np.array_equal(found, split_nuclei(truth > 0))


def test_both_together_find_nuclei_that_the_threshold_misses():
    truth = draw_disks((120, 120), [(30, 30), (30, 90), (90, 30), (90, 90)], 12)
    bright = photograph(np.where(truth == 4, 0, truth), brightness=3000)
    image = bright + (200 * (truth == 4)).astype(np.uint16)
    foreground = np.isin(truth, (1, 2, 3))
    found = find_objects(
        image, foreground, local_levels=True, refine_boundaries=True, cut_clumps=True
    )
    assert found.max() == 4
    assert found[90, 90] > 0


def test_what_the_watershed_joins_is_cut():
    truth = draw_disks((100, 160), [(25, 25), (25, 75), (25, 125), (70, 60)], 12)
    # A bit smaller than its neighbour, so that it gets no seed within the distance.
    truth[(truth == 0) & (draw_disks(truth.shape, [(70, 80)], 11) > 0)] = 5
    found = {
        cut: find_objects(
            photograph(truth), truth > 0, local_levels=False, cut_clumps=cut, split_distance=2.0
        )
        for cut in (False, True)
    }
    assert found[False].max() == 4
    assert found[True].max() == 5
    assert found[True][70, 58] != found[True][70, 82]


def test_large_nuclei_are_looked_for_on_fewer_pixels_but_drawn_on_all():
    """Boundaries, and the line where two touch, are not those of coarser pixels."""
    truth = draw_disks((401, 402), [(100, 100), (100, 180), (300, 200), (300, 300)], 40)
    image = photograph(truth)
    found = find_objects(image, truth > 0)
    assert found.shape == truth.shape
    assert found.max() == 4
    for number in range(1, 5):
        inside = found == found[tuple(np.round(ndi.center_of_mass(truth == number)).astype(int))]
        true = truth == number
        assert (inside & true).sum() > 0.97 * (inside | true).sum()


def test_one_threshold_alone_has_its_boundary_drawn_once():
    truth = draw_disks((90, 120), [(30, 32), (30, 62), (60, 90)], 14)
    image = photograph(truth)
    foreground = image > 60
    options = {"local_levels": False, "cut_clumps": False, "unusual_nuclei": False}
    found = find_objects(image, foreground, **options)
    once = refine_boundaries(image, split_nuclei(foreground))
    assert not np.array_equal(once, refine_boundaries(image, once))
    assert np.array_equal(found, once)

"""Boundaries of drawn disks with blurred edges."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.boundaries import (
    HIGHEST_EDGE,
    LOWEST_EDGE,
    find_edge,
    find_medians,
    measure_background,
    measure_brightness,
    measure_contrast,
    measure_sharpness,
    refine_boundaries,
    relate_contrast,
    sum_slopes,
)
from autonuclei.annotate.selection import (
    ACCEPTED,
    NOT_CONVEX,
    compute_accepted_range,
    judge_objects,
)
from autonuclei.labels.blocks import Block
from autonuclei.labels.growth import grow_labels
from autonuclei.labels.measurement import measure_objects

BLUR_PX = 2.0


def draw(disks, shape=(120, 120), background=10.0):
    """Image of blurred disks (row, column, radius, brightness above the background)."""
    rows, columns = np.indices(shape)
    image = np.zeros(shape)
    truth = np.zeros(shape, np.int32)
    for number, (y, x, radius, brightness) in enumerate(disks, start=1):
        inside = np.hypot(rows - y, columns - x) <= radius
        image[inside] = brightness
        truth[inside] = number
    return background + ndi.gaussian_filter(image, BLUR_PX), truth


def radius_of(labels, number):
    return np.sqrt((labels == number).sum() / np.pi)


def erode(truth, pixels):
    return np.where(ndi.binary_erosion(truth > 0, iterations=pixels), truth, 0)


def dilate(truth, pixels):
    return np.where(truth == 0, ndi.maximum_filter(truth, 2 * pixels + 1), truth)


@pytest.mark.parametrize("start", [lambda t: erode(t, 4), lambda t: t, lambda t: dilate(t, 3)])
def test_the_edge_is_at_the_true_radius(start):
    image, truth = draw([(40, 40, 15, 100), (80, 85, 15, 100)])
    refined = refine_boundaries(image, start(truth))
    for number in (1, 2):
        assert radius_of(refined, number) == pytest.approx(15, abs=0.5)


def test_a_dim_nucleus_beside_a_bright_one_gets_its_own_threshold():
    image, truth = draw([(60, 35, 14, 250), (60, 85, 14, 40)])
    refined = refine_boundaries(image, erode(truth, 3))
    assert radius_of(refined, 1) == pytest.approx(14, abs=0.5)
    assert radius_of(refined, 2) == pytest.approx(14, abs=0.5)


def test_uneven_background_is_taken_beside_each_nucleus():
    image, truth = draw([(60, 30, 12, 60), (60, 130, 12, 60)], (120, 160))
    image += np.linspace(0, 120, 160)
    refined = refine_boundaries(image, erode(truth, 2))
    assert radius_of(refined, 1) == pytest.approx(12, abs=1)
    assert radius_of(refined, 2) == pytest.approx(12, abs=1)


def test_touching_nuclei_keep_their_border():
    image, _ = draw([(60, 45, 15, 100), (60, 75, 15, 100)])
    halves = np.where(image > 60, np.where(np.arange(120) < 60, 1, 2), 0)
    refined = refine_boundaries(image, halves)
    assert set(np.unique(refined[:, :60])) == {0, 1}
    assert set(np.unique(refined[:, 60:])) == {0, 2}
    assert radius_of(refined, 1) == pytest.approx(15, abs=0.5)
    assert radius_of(refined, 2) == pytest.approx(15, abs=0.5)


def test_saturated_nuclei_keep_an_edge_inside_their_blur():
    image, truth = draw([(60, 60, 15, 300)])
    refined = refine_boundaries(np.minimum(image, 255).astype(np.uint8), truth)
    assert radius_of(refined, 1) == pytest.approx(15, abs=1)


def test_texture_makes_neither_holes_nor_fragments():
    image, truth = draw([(60, 60, 20, 100)])
    rng = np.random.default_rng(1)
    image[truth > 0] *= rng.uniform(0.2, 1.8, (truth > 0).sum())
    refined = refine_boundaries(image, truth)
    assert ndi.label(refined > 0)[1] == 1
    assert np.array_equal(ndi.binary_fill_holes(refined > 0), refined > 0)


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (40, 30)])
def test_nothing_stays_nothing(shape):
    refined = refine_boundaries(np.ones(shape), np.zeros(shape, np.uint16))
    assert refined.shape == shape
    assert refined.dtype == np.int32
    assert not refined.any()


def test_a_nucleus_across_the_image_border():
    image, truth = draw([(0, 60, 20, 100)])
    refined = refine_boundaries(image, truth)
    assert radius_of(refined, 1) == pytest.approx(20 / np.sqrt(2), abs=0.5)


def test_a_flat_image_and_one_without_background_have_no_nucleus():
    flat = np.full((30, 30), 7.0)
    labels = np.zeros((30, 30), np.int32)
    labels[10:20, 10:20] = 1
    assert not refine_boundaries(flat, labels).any()
    assert not refine_boundaries(flat, np.ones((30, 30), np.int32)).any()


def test_numbers_with_gaps_stay():
    image, truth = draw([(40, 40, 15, 100), (80, 85, 15, 100)])
    refined = refine_boundaries(image, np.array([0, 3, 7])[truth])
    assert set(np.unique(refined)) == {0, 3, 7}


def test_grey_values_may_be_shifted_and_stretched():
    image, truth = draw([(40, 40, 15, 100), (80, 85, 12, 50)])
    expected = refine_boundaries(image, truth)
    assert np.array_equal(refine_boundaries(image * 4 - 1024, truth), expected)


def test_the_edge_is_half_way_for_blurred_disks_and_lower_with_a_halo():
    image, truth = draw([(60, 60, 20, 100)])

    def locate(image):
        image = image.astype(np.float32)
        zones = grow_labels(truth, 12)
        dark = measure_background(image, zones, 20)
        bright = measure_brightness(image, truth, dark)
        whole = Block(0, image.shape[0], 0, image.shape[1])
        return find_edge(sum_slopes(image, zones, dark, bright, whole, whole))

    assert locate(image) == pytest.approx(0.5, abs=0.05)
    # A steep outer edge at 0.2 to 0.4 of the brightness, then a gentle rise over the nucleus.
    depth = ndi.distance_transform_edt(truth)
    domed = 10 + ndi.gaussian_filter(np.where(truth > 0, 60 + 4 * depth, 0), 1.5)
    assert LOWEST_EDGE <= locate(domed) < HIGHEST_EDGE


def test_grow_labels_makes_disks_that_stop_at_each_other():
    labels = np.zeros((41, 41), int)
    labels[20, 20] = 5
    grown = grow_labels(labels, 10)
    rows, columns = np.nonzero(grown)
    distance = np.hypot(rows - 20, columns - 20)
    assert distance.max() <= 11.5
    assert (grown > 0)[np.hypot(*(np.indices((41, 41)) - 20)) <= 9].all()
    labels[20, 30] = 6
    grown = grow_labels(labels, 10)
    assert grown[20, 24] == 5
    assert grown[20, 26] == 6


def test_grow_labels_at_the_border_and_without_free_pixels():
    labels = np.zeros((5, 5), int)
    labels[0, 0] = 1
    assert (grow_labels(labels, 20) == 1).all()
    assert (grow_labels(np.full((5, 5), 2), 3) == 2).all()


def test_brightness_is_the_median_above_half_and_nan_without_contrast():
    smooth = np.array([[-3, 5, 6, 7], [4, 8, 9, 2]], np.float32)
    labels = np.array([[1, 1, 1, 1], [3, 3, 0, 4]])
    dark = np.array([np.nan, -3, np.nan, 0, 2], np.float32)
    bright = measure_brightness(smooth, labels, dark)
    # Mean 3.75 of label 1: -3 is below the middle; label 3 has 4 and 8 above 3.
    assert np.array_equal(bright, [np.nan, 6, np.nan, 4, np.nan], equal_nan=True)


def test_background_is_that_outside_all_zones():
    smooth = np.array([[3, 1, 5], [4, 8, 9]], np.float32)
    zones = np.array([[1, 1, 1], [3, 3, 0]], np.int32)
    dark = measure_background(smooth, zones, 1)
    assert np.array_equal(np.isnan(dark), [True, False, True, False])
    assert dark[[1, 3]] == pytest.approx(9)


def test_merged_nuclei_are_rejected_by_their_shape():
    rows, columns = np.indices((90, 330))
    labels = np.zeros((90, 330), np.int32)
    for number, column in enumerate((20, 70, 120, 170, 220, 285), start=1):
        labels[np.hypot(rows - 45, columns - column) <= 15] = number
    # The last is two nuclei that touch, smaller than twice the median in area.
    labels[np.hypot(rows - 45, columns - 308) <= 12] = 6
    table = measure_objects(labels, labels)
    limits = {
        "area_tolerance": 1.0,
        "area_tolerance_above": 1.0,
        "minimum_relative_contrast": None,
        "unusual_nuclei": False,
    }
    accepted = compute_accepted_range(table, solidity_tolerance=0.05, **limits)
    assert accepted.high == 2 * accepted.median
    assert judge_objects(table, accepted).tolist() == [ACCEPTED] * 5 + [NOT_CONVEX]
    any_shape = compute_accepted_range(table, solidity_tolerance=None, **limits)
    assert set(judge_objects(table, any_shape)) == {ACCEPTED}


def test_contrast_is_relative_to_the_typical_nucleus():
    image, truth = draw([(30, 30, 12, 100), (30, 85, 12, 100), (85, 30, 12, 100), (85, 85, 12, 15)])
    contrast = measure_contrast(image, truth)[1:]
    assert contrast == pytest.approx([94.5, 94.5, 94.5, 14.2], abs=0.5)  # the blur takes some
    relative = relate_contrast(contrast, np.bincount(truth.ravel())[1:])
    assert relative == pytest.approx([1, 1, 1, 0.15], abs=0.02)


def test_contrast_goes_with_the_gain_and_not_with_the_offset():
    image, truth = draw([(30, 30, 12, 100), (85, 85, 12, 40)])
    expected = 3 * measure_contrast(image, truth)
    assert measure_contrast(3 * image + 500, truth) == pytest.approx(expected, rel=1e-3)


def test_no_nucleus_has_no_contrast():
    assert measure_contrast(np.ones((20, 20)), np.zeros((20, 20), int)).tolist() == [0]
    assert not measure_contrast(np.ones((20, 20)), np.eye(20, dtype=int)).any()
    assert relate_contrast(np.zeros(2), np.ones(2)).tolist() == [0, 0]
    assert relate_contrast(np.zeros(0), np.zeros(0)).tolist() == []


@pytest.mark.parametrize("radius", [10, 16, 25])
def test_sharpness_is_that_of_a_blurred_disk(radius):
    """The slope of a straight edge, blurred with two Gaussians, at its middle."""
    image, truth = draw([(60, 60, radius, 100)])
    blur = np.hypot(BLUR_PX, 0.7)
    expected = radius / (blur * np.sqrt(2 * np.pi))
    assert measure_sharpness(image, truth)[1] == pytest.approx(expected, rel=0.15)
    dimmer = measure_sharpness(7 * image + 300, truth)[1]
    assert dimmer == pytest.approx(measure_sharpness(image, truth)[1], rel=1e-3)


def test_light_from_out_of_focus_has_no_edge():
    image, truth = draw([(30, 30, 10, 100), (30, 90, 10, 100)])
    rows, columns = np.indices(image.shape)
    image += 200 * np.exp(-((rows - 90) ** 2 + (columns - 60) ** 2) / (2 * 25**2))
    for number, (y, x) in enumerate([(85, 50), (85, 71), (103, 60)], start=3):
        truth[np.hypot(rows - y, columns - x) <= 10] = number
    sharpness = measure_sharpness(image, truth)
    assert (sharpness[1:3] > 1).all()
    assert (sharpness[3:] < 0.5).all()


def test_small_nuclei_and_those_at_the_border_have_an_edge():
    small, truth = draw([(20 + 40 * (i // 3), 20 + 40 * (i % 3), 2, 100) for i in range(9)])
    assert (measure_sharpness(small, truth)[1:] > 0.75).all()
    cut, truth = draw([(0, 30, 10, 100), (60, 116, 10, 100), (60, 60, 10, 100)])
    sharpness = measure_sharpness(cut, truth)
    assert sharpness[1:3] == pytest.approx(sharpness[3], rel=0.1)


def test_sharpness_of_nothing():
    empty = np.zeros((20, 20), np.int32)
    assert measure_sharpness(np.ones((20, 20)), empty).tolist() == [0]
    flat = np.where(np.indices((20, 20))[0] > 10, 3, 0)
    assert measure_sharpness(np.ones((20, 20)), flat).tolist() == [0] * 4
    assert measure_sharpness(np.ones((20, 20)), np.full((20, 20), 1)).tolist() == [0, 0]


def test_the_outline_of_a_nucleus_in_noise_is_not_frayed(monkeypatch):
    image, truth = draw([(60, 60, 20, 100)])
    noisy = image + np.random.default_rng(0).normal(0, 30, image.shape)
    smoothed = refine_boundaries(noisy, truth)
    monkeypatch.setattr("autonuclei.annotate.boundaries.MOST_NOISE", np.inf)
    frayed = refine_boundaries(noisy, truth)
    solidity = [
        float(measure_objects(labels, noisy)["solidity"][0]) for labels in (smoothed, frayed)
    ]
    assert solidity[0] > solidity[1] + 0.01


@pytest.mark.parametrize("spread", [0.0, 1e-30, 3.0, 1e6])
def test_medians_are_those_of_sorted_values(spread):
    rng = np.random.default_rng(0)
    own = rng.integers(1, 40, 3000) // 2 * 2  # half of the labels are absent
    values = np.round(rng.gamma(1.0, 20.0, 3000) * spread, 1).astype(np.float32)
    expected = np.full(50, np.nan, np.float32)
    for label in np.unique(own):
        ordered = np.sort(values[own == label])
        expected[label] = ordered[(len(ordered) - 1) // 2]
    np.testing.assert_array_equal(find_medians(own, values, 50), expected)
    assert np.isnan(find_medians(own[:0], values[:0], 3)).all()

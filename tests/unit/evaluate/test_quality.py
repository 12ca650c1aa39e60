"""What is measured of images and masks without a ground truth, on drawn ones."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from autonuclei.evaluate.quality import (
    CALIBRATION_COLUMNS,
    IMAGE_COLUMNS,
    NEIGHBOUR_COLUMNS,
    SAMPLE_COLUMNS,
    compare_annotation,
    compare_neighbours,
    count_confirmed,
    count_verdicts,
    estimate_drift,
    find_overlaps,
    locate_nuclei,
    measure_image,
    measure_sample,
    pool_calibration,
    shift_labels,
    slide_window,
)
from shapes import GRID, draw_disks, draw_squares, photograph

Labels = npt.NDArray[np.int32]
DISKS = draw_disks((96, 96), GRID, 10)


def test_image_of_nine_disks() -> None:
    row = measure_image(photograph(DISKS), DISKS)
    assert tuple(row) == IMAGE_COLUMNS
    area = int((DISKS == 1).sum())
    assert row["n_nuclei"] == 9
    assert row["diameter_px"] == pytest.approx(2 * np.sqrt(area / np.pi))
    assert row["diameter_in_image"] == pytest.approx(row["diameter_px"] / 96)
    assert row["covered_share"] == pytest.approx(9 * area / 96**2)
    assert row["large_area_ratio"] == 1
    assert row["contrast"] == pytest.approx(2000 / 20, rel=0.05)
    assert row["illumination"] < 0.01
    assert row["brightness_spread"] < 0.01
    assert row["touching_share"] == row["shared_outline"] == 0
    assert row["saturated_share"] < 0.002  # the brightest pixels, by chance


def test_noise_blur_uneven_light_and_saturation_are_told() -> None:
    good = photograph(DISKS)
    row = measure_image(good, DISKS)
    noisy = measure_image(photograph(DISKS, noise=200), DISKS)
    assert noisy["contrast"] == pytest.approx(row["contrast"] / 10, rel=0.1)
    blurred = measure_image(gaussian_filter(good, 2), DISKS)
    assert blurred["sharpness"] < 0.6 * row["sharpness"]
    # The edge of a half-plane blurred with sigma has the slope contrast / (sqrt(2 pi) sigma);
    # 0.7 px is the filter before measuring.
    sigma = np.hypot(2, 0.7)
    assert blurred["edge_width_px"] == pytest.approx(np.sqrt(2 * np.pi) * sigma, rel=0.1)
    far = draw_disks((60, 400), [(30, 30), (30, 200), (30, 370)], 6)
    uneven = measure_image(photograph(far) + np.linspace(0, 1000, 400), far)
    # From the first to the last disk the light rises by 340 of 400 px; 5th to 95th percentile.
    assert uneven["illumination"] == pytest.approx(0.9 * 1000 * 340 / 400 / 2000, rel=0.05)
    cut = np.minimum(good, 2200)
    share = (good[DISKS > 0] >= 2200).mean()
    assert measure_image(cut, DISKS)["saturated_share"] == pytest.approx(share)


def test_outlines_without_an_edge() -> None:
    """Half of a nucleus fades into the background, with masks drawn all around."""
    image = photograph(DISKS, noise=1).astype(np.float64)
    sharp = measure_image(image, DISKS)
    wide = draw_disks((96, 96), GRID[:3], 14) + 10 * (draw_disks((96, 96), GRID[3:], 10))
    assert sharp["unclear_outline"] == 0
    assert measure_image(image, wide)["unclear_outline"] > 0.25


def test_touching_and_shared_outlines() -> None:
    # Two squares side by side, one 2 px away from them and one 3 px away.
    labels = draw_squares((40, 60), [(5, 5), (5, 15), (17, 5), (18, 20)], 10)
    row = measure_image(photograph(labels), labels)
    assert row["touching_share"] == 0.75
    assert row["shared_outline"] == 20 / 160
    far = draw_squares((40, 60), [(5, 5), (5, 18)], 10)
    assert measure_image(photograph(far), far)["touching_share"] == 0


def test_image_without_nuclei_is_undefined() -> None:
    row = measure_image(np.ones((32, 32), np.uint8), np.zeros((32, 32), np.int32))
    assert row.pop("n_nuclei") == row.pop("covered_share") == 0
    assert np.isnan(list(row.values())).all()
    flat = measure_image(np.ones((96, 96), np.uint8), DISKS)  # nuclei where nothing is
    assert flat["n_nuclei"] == 9
    assert np.isnan(flat["contrast"])
    assert np.isnan(flat["unclear_outline"])


def test_verdicts_are_read_from_the_table() -> None:
    table = {
        "area_px": np.array([100, 100, 400, 100]),
        "verdict": np.array(["accepted", "accepted", "too large", "a new reason"]),
    }
    row = count_verdicts(table)
    assert row["n_annotated"] == 4
    assert row["share_accepted"] == 0.5
    assert row["area_accepted"] == pytest.approx(2 / 7)
    assert row["annotated_area_ratio"] == pytest.approx(3.1)
    assert row["rejected: too large"] == row["rejected: a new reason"] == 0.25
    dim = {name: np.append(column, column[2]) for name, column in table.items()}
    dim["verdict"][4] = "too dim"
    assert count_verdicts(dim)["area_accepted"] == row["area_accepted"]
    assert count_verdicts(dim)["annotated_area_ratio"] == row["annotated_area_ratio"]
    assert count_verdicts(dim)["rejected: too dim"] == 0.2
    none = count_verdicts({name: column[:0] for name, column in table.items()})
    assert none.pop("n_annotated") == 0
    assert np.isnan(list(none.values())).all()


def test_overlaps() -> None:
    one = draw_squares((30, 60), [(0, 0), (0, 20), (15, 40)], 10)
    other = draw_squares((30, 60), [(0, 5), (0, 20), (20, 0)], 10)
    iou, covered = find_overlaps(one, other)
    assert iou.tolist() == pytest.approx([0, 50 / 150, 1, 0])
    assert covered.tolist() == pytest.approx([0, 0.5, 1, 0])


def test_annotation_and_network() -> None:
    """Two accepted objects, one found; two rejected ones; one nucleus outside of all."""
    corners = [(0, 0), (0, 20), (0, 40), (20, 0)]
    objects = draw_squares((60, 60), corners, 10)
    nuclei = np.where(objects <= 2, objects, 0)
    predicted = draw_squares((60, 60), [(0, 1), (0, 40), (40, 40)], 10)
    row, confirmed = compare_annotation(objects, nuclei, predicted)
    assert row["n_accepted"] == 2
    # The nucleus on the rejected object counts neither for nor against.
    assert row["agreement_f1"] == pytest.approx(2 * 1 / (2 + 2))
    assert row["agreement_iou"] == pytest.approx(90 / 110)
    assert row["accepted_found"] == 0.5
    assert row["outside_annotation"] == pytest.approx(1 / 3)
    assert confirmed.tolist() == [False, True, True, False]
    nothing = np.zeros_like(objects)
    row, confirmed = compare_annotation(nothing, nothing, nothing)
    assert row.pop("n_accepted") == 0
    assert np.isnan(list(row.values())).all()


def test_drift_and_shift() -> None:
    labels = draw_disks((96, 96), GRID, 8)
    moved = shift_labels(labels, (3, -2))
    assert (moved[3:, :-2] == labels[:-3, 2:]).all()
    assert not moved[:3].any() and not moved[:, -2:].any()
    assert estimate_drift(locate_nuclei(labels), locate_nuclei(moved)) == (3, -2)
    few = np.where(labels <= 5, labels, 0)
    assert estimate_drift(locate_nuclei(few), locate_nuclei(moved)) == (0, 0)


def test_neighbouring_frames() -> None:
    """The stage drifts; one nucleus is missed in the middle frame, one is seen only there."""
    before = np.where(DISKS <= 8, DISKS, 0)
    still = np.where(DISKS != 1, DISKS, 0)
    after = shift_labels(before, (6, 0))
    row, confirmed = compare_neighbours(before, shift_labels(still, (3, 0)), after)
    assert tuple(row) == NEIGHBOUR_COLUMNS
    assert row["drift_px"] == 3
    assert row["neighbour_share"] == pytest.approx(7 / 8)
    assert row["neighbour_iou"] == 1
    assert row["flicker"] == pytest.approx(1 / 9)
    assert confirmed.tolist() == [False, False, *[True] * 7, False]


def test_ends_of_a_movie_and_empty_frames() -> None:
    row, confirmed = compare_neighbours(None, DISKS, None)
    assert np.isnan(list(row.values())).all()
    assert not confirmed.any()
    row, _ = compare_neighbours(None, DISKS, DISKS)
    assert row["neighbour_share"] == 1
    assert np.isnan(row["flicker"]) and np.isnan(row["drift_px"])
    empty = np.zeros_like(DISKS)
    row, _ = compare_neighbours(DISKS, empty, DISKS)
    assert row["flicker"] == 1
    assert np.isnan(row["neighbour_share"]) and np.isnan(row["neighbour_iou"])
    row, _ = compare_neighbours(empty, empty, empty)
    assert np.isnan(row["flicker"])


def test_window_slides_over_neighbours() -> None:
    assert list(slide_window([])) == []
    assert list(slide_window([(0, DISKS, None)])) == [(None, (0, DISKS, None), None)]
    pages = [(i, np.zeros(0), None) for i in range(3)]
    assert list(slide_window(pages)) == [
        (None, pages[0], pages[1]),
        (pages[0], pages[1], pages[2]),
        (pages[1], pages[2], None),
    ]


def test_calibration_adds_up() -> None:
    probability = np.array([np.nan, 0.05, 0.62, 0.68, 1.0])
    confirmed = np.array([True, False, True, False, True])
    rows = count_confirmed("annotation", probability, confirmed)
    assert [tuple(row) for row in rows] == [CALIBRATION_COLUMNS] * 3
    pooled = pool_calibration(rows + rows)
    assert [(r["low"], r["n"], r["confirmed"]) for r in pooled] == [
        (0, 2, 0),
        (0.6, 4, 2),
        (0.9, 2, 2),
    ]
    assert [row["probability"] for row in pooled] == pytest.approx([0.05, 0.65, 1.0])


def measure(pages: Any, **changes: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    arguments: dict[str, Any] = {
        "is_movie": True,
        "read_annotation": lambda frame: None,
        "prepare_labels": lambda labels: labels,
        "probability": {},
    }
    return measure_sample(pages, **(arguments | changes))


def test_sample_with_a_gap_and_a_failed_image() -> None:
    image = photograph(DISKS)
    pages = [(0, image, DISKS), (1, image, DISKS), (3, image, DISKS), (4, image, None)]
    rows, calibration = measure(pages)
    assert [tuple(row) for row in rows] == [("frame", *SAMPLE_COLUMNS)] * 4
    assert [row["n_nuclei"] for row in rows[:3]] == [9, 9, 9]
    # Frame 2 is missing, so that frame 3 has no neighbour; frame 4 could not be segmented.
    assert [row["neighbour_share"] for row in rows[:2]] == [1, 1]
    assert np.isnan(rows[2]["neighbour_share"])
    assert np.isnan([rows[3][name] for name in SAMPLE_COLUMNS]).all()
    assert calibration == []  # no probabilities, as of a frame that is not in objects.csv


def test_sample_with_annotation_and_probabilities() -> None:
    image = photograph(DISKS)
    half = DISKS[:48, :48]  # a crop
    rows, calibration = measure(
        [(7, image, DISKS)],
        is_movie=False,
        read_annotation=lambda frame: (half, half) if frame == 7 else None,
        prepare_labels=lambda labels: labels[:48, :48],
        probability={7: np.r_[np.nan, np.full(9, 0.85)]},
    )
    assert rows[0]["agreement_f1"] == 1
    assert rows[0]["probability"] == 0.85
    assert np.isnan(rows[0]["flicker"])
    n = len(np.unique(half)) - 1
    assert [(row["n"], row["confirmed"]) for row in calibration] == [(n, n)]

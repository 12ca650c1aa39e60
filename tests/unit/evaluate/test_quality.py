"""What is measured of images and masks without a ground truth, on drawn ones."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import ndimage as ndi
from scipy.ndimage import gaussian_filter

from autonuclei.evaluate.calibration import CALIBRATION_COLUMNS
from autonuclei.evaluate.quality import (
    IMAGE_COLUMNS,
    NEIGHBOUR_COLUMNS,
    SAMPLE_COLUMNS,
    Annotated,
    Page,
    compare_annotation,
    compare_neighbours,
    count_decisions,
    measure_image,
    measure_sample,
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


def test_decisions_of_the_annotation_are_counted() -> None:
    table = pd.DataFrame(
        {
            "area_px": [100, 100, 400, 100],
            "verdict": ["accepted", "accepted", "too large", "a new reason"],
        }
    )
    row = count_decisions(table)
    assert row["n_annotated"] == 4
    assert row["share_accepted"] == 0.5
    assert row["area_accepted"] == pytest.approx(2 / 7)
    assert row["annotated_area_ratio"] == pytest.approx(3.1)
    assert row["rejected: too large"] == row["rejected: a new reason"] == 0.25
    dim = count_decisions(pd.concat([table, table[2:3].assign(verdict="too dim")]))
    assert dim["area_accepted"] == row["area_accepted"]
    assert dim["annotated_area_ratio"] == row["annotated_area_ratio"]
    assert dim["rejected: too dim"] == 0.2
    none = count_decisions(table[:0])
    assert none.pop("n_annotated") == 0
    assert np.isnan(list(none.values())).all()


def test_specks_are_counted_and_are_no_reason_to_split_nuclei() -> None:
    """Hot pixels in numbers once made the nuclei look merged: the median was one of them."""
    specks = [9] * 160
    table = pd.DataFrame({"area_px": [300, 320] * 37 + specks, "solidity": 0.95})
    table["verdict"] = ["accepted"] * 74 + ["too small"] * 160
    row = count_decisions(table)
    assert row["specks"] == pytest.approx(160 / 234)
    assert row["annotated_area_ratio"] < 1.1
    assert row["area_accepted"] == pytest.approx(22940 / (22940 + 1440))


def test_annotation_and_network() -> None:
    """Two accepted objects, one found; two rejected ones; one nucleus outside of all."""
    corners = [(0, 0), (0, 20), (0, 40), (20, 0)]
    objects = draw_squares((60, 60), corners, 10)
    nuclei = np.where(objects <= 2, objects, 0)
    predicted = draw_squares((60, 60), [(0, 1), (0, 40), (40, 40)], 10)
    row, checked = compare_annotation([(objects, nuclei, predicted)])
    assert row["n_accepted"] == 2
    # The nucleus on the rejected object counts neither for nor against.
    assert row["agreement_f1"] == pytest.approx(2 * 1 / (2 + 2))
    assert row["agreement_iou"] == pytest.approx(90 / 110)
    assert row["accepted_found"] == 0.5
    assert row["outside_annotation"] == pytest.approx(1 / 3)
    assert [values.tolist() for values in checked[0]] == [[1, 2, 3], [True, True, False]]
    # In two blocks there is twice of everything.
    assert compare_annotation([(objects, nuclei, predicted)] * 2)[0] == row | {"n_accepted": 4}
    nothing = np.zeros_like(objects)
    row, _ = compare_annotation([(nothing, nothing, nothing)])
    assert row.pop("n_accepted") == 0
    assert np.isnan(list(row.values())).all()


def test_neighbouring_frames() -> None:
    """The stage drifts; one nucleus is missed in the middle frame, one is seen only there."""
    before = np.where(DISKS <= 8, DISKS, 0)
    still = np.where(DISKS != 1, DISKS, 0)
    here, after = ndi.shift(still, (3, 0), order=0), ndi.shift(before, (6, 0), order=0)
    row, confirmed = compare_neighbours(before, here, after)
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


def measure(pages: Any, nuclei: Any = (), **changes: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.DataFrame(nuclei, columns=["frame", "label", "probability"])
    return measure_sample([Page(*page) for page in pages], table, **({"is_movie": True} | changes))


def test_sample_without_frames() -> None:
    images, calibration = measure([])
    assert tuple(images) == ("frame", *SAMPLE_COLUMNS)
    assert tuple(calibration) == CALIBRATION_COLUMNS
    assert len(images) == len(calibration) == 0


def test_sample_with_a_gap_and_a_failed_image() -> None:
    image = photograph(DISKS)
    pages = [(0, image, DISKS), (1, image, DISKS), (3, image, DISKS), (4, None, None)]
    images, calibration = measure(pages)
    assert tuple(images) == ("frame", *SAMPLE_COLUMNS)
    assert images["frame"].tolist() == [0, 1, 3, 4]
    assert images["n_nuclei"][:3].tolist() == [9, 9, 9]
    # Frame 2 is missing, so that frame 3 has no neighbour; frame 4 could not be segmented.
    assert images["neighbour_share"][:2].tolist() == [1, 1]
    assert np.isnan(images["neighbour_share"][2])
    assert images.loc[3, list(SAMPLE_COLUMNS)].isna().all()
    assert len(calibration) == 0  # no probabilities, as of a frame that is not in objects.csv


def test_sample_with_annotation_and_probabilities() -> None:
    image = photograph(DISKS)
    part = slice(0, 48), slice(0, 48)
    half = DISKS[part]
    images, calibration = measure(
        [(7, image, DISKS)],
        [(7, label, 0.85) for label in range(1, 10)],
        is_movie=False,
        read_annotation=lambda frame: [Annotated(half, half, part)] if frame == 7 else [],
    )
    assert images["agreement_f1"][0] == 1
    assert images["probability"][0] == 0.85
    assert np.isnan(images["flicker"][0])
    n = len(np.unique(half)) - 1
    assert calibration[["low", "n", "confirmed"]].to_numpy().tolist() == [[0.8, n, n]]


def test_every_frame_of_a_movie_is_checked_by_those_beside_it() -> None:
    image = photograph(DISKS)
    nuclei = [(frame, label, 0.55) for frame in range(3) for label in range(1, 10)]
    still = np.where(DISKS == 1, 0, DISKS)
    labels = [DISKS, still, still]
    images, calibration = measure(
        [(frame, image, labels[frame]) for frame in range(3)],
        [(f, k, p) for f, k, p in nuclei if k > 1 or f == 0],
    )
    np.testing.assert_allclose(images["neighbour_share"], [8 / 9, 1, 1])
    assert calibration["checked_by"].tolist() == ["neighbouring frames"] * 3
    assert calibration["n"].tolist() == [9, 8, 8]
    assert calibration["confirmed"].tolist() == [8, 8, 8]


def test_dark_and_broken_frames_of_a_movie_stop_nothing() -> None:
    good = photograph(DISKS).astype(np.float32)
    pages = [
        Page(0, good, DISKS),
        Page(1, np.zeros_like(good), np.zeros_like(DISKS)),  # dark
        Page(2, None, None),  # could not be read
        Page(3, good, DISKS),
    ]
    numbers = np.arange(1, 10)
    nuclei = pd.concat(
        pd.DataFrame({"frame": frame, "label": numbers, "probability": 0.7}) for frame in (0, 3)
    )
    images, _ = measure_sample(pages, nuclei, is_movie=True)
    assert images["n_nuclei"].tolist()[:2] == [9, 0]
    assert images.drop(columns="frame").loc[2].isna().all()
    assert images["contrast"].notna().tolist() == [True, False, False, True]
    # A frame that was not measured says nothing of its neighbours.
    assert images["neighbour_share"].notna().tolist() == [True, False, False, False]


@pytest.mark.parametrize("rows", [9, 50])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_image_in_strips_is_measured_as_in_one_piece(
    rows: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nuclei of 18 px, some of which touch; borders of strips go through them."""
    labels = draw_disks(
        (150, 110), [(12 + 17 * i, 13 + 21 * k) for i in range(9) for k in range(5)], 9
    )
    image = photograph(labels, noise=60).astype(dtype)
    whole = measure_image(image, labels)
    monkeypatch.setattr("autonuclei.labels.strips.STRIP_PX", rows * 110)
    monkeypatch.setattr("autonuclei.labels.strips.FEWEST_ROWS", 1)
    strips = measure_image(image, labels)
    assert not any(np.isnan(list(whole.values())))
    assert strips == pytest.approx(whole, rel=1e-6)

"""Comparing the masks of the two stages with a ground truth, on drawn squares."""

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.evaluate.masks import (
    ANNOTATION,
    SEGMENTATION,
    compare_with_truth,
    doubt_truth,
    measure_shift,
)
from autonuclei.io.tables import concatenate_tables
from autonuclei.labels.matching import (
    COUNT_COLUMNS,
    IOU_THRESHOLDS,
    METRIC_COLUMNS,
    compute_metrics,
    pool_counts,
)
from shapes import draw_squares

SQUARES = draw_squares((40, 60), [(4, 4), (4, 30), (24, 4), (24, 30)], 12)


def test_the_annotation_is_in_the_pixels_of_training() -> None:
    for stage, found in ((ANNOTATION, SQUARES[::2, ::2]), (SEGMENTATION, SQUARES)):
        counts = compare_with_truth(SQUARES, found, stage=stage, scale=0.5)
        assert tuple(counts) == COUNT_COLUMNS
        assert tuple(counts["iou"]) == IOU_THRESHOLDS
        assert (counts["true_positives"] == 4).all()
        assert (counts["iou_sum"] == 4).all()
        assert (counts["true_px"] == (found > 0).sum()).all()


def test_truth_of_another_image_is_refused() -> None:
    said = r"^truth.tif: is 60 x 40 pixels, but its image is 60 x 20. Give the masks of this image"
    with pytest.raises(InputError, match=said):
        compare_with_truth(SQUARES, SQUARES[:20], stage=SEGMENTATION, name="truth.tif")


def test_a_truth_that_lies_beside_the_nuclei() -> None:
    rng = np.random.default_rng(0)
    corners = [(y + rng.integers(9), x + rng.integers(9)) for y in range(5, 80, 25)
               for x in range(5, 120, 25)]  # fmt: skip
    truth = draw_squares((100, 140), corners, 12)
    found = np.roll(truth, (6, 8), (0, 1))
    assert measure_shift(truth, found, 12) == pytest.approx(10, abs=1)
    assert measure_shift(truth, truth, 12) == 0
    # A few pixels are another opinion of the edge, and other nuclei are no shift.
    assert measure_shift(truth, np.roll(truth, 2, 1), 12) == 0
    assert np.isnan(measure_shift(truth, np.roll(truth, 2, 1) * 0, 12))
    assert np.isnan(measure_shift(truth, rng.integers(0, 2, truth.shape), 12))


def test_doubts_about_a_truth() -> None:
    images = pd.DataFrame(
        {
            "n_true": [0, 10, 10, 10, 0],
            "n_predicted": [7, 10, 10, 10, 0],
            "truth_shift_px": [np.nan, 12.0, 9.0, 0.0, np.nan],
            "f1": [0.0, 0.1, 0.9, 0.2, np.nan],
        }
    )
    empty, beside = doubt_truth(images)
    assert empty.startswith("1 of 5 images have no true nucleus, and 7 were found in them. Look")
    assert beside.startswith("in 1 of 5 images the true nuclei lie 12 px beside those found, all")
    assert doubt_truth(images[2:]) == doubt_truth(images[:0]) == []


def make_counts() -> pd.DataFrame:
    tables = []
    for stage, frame, found in (
        (SEGMENTATION, 0, SQUARES),
        (ANNOTATION, 0, SQUARES * (SQUARES == 1)),
        (ANNOTATION, 1, SQUARES * 0),
    ):
        counts = compare_with_truth(SQUARES, found, stage=stage)
        tables.append(counts.assign(stage=stage, sample="s", frame=frame))
    return concatenate_tables(tables)


def test_each_stage_is_pooled_on_its_own() -> None:
    metrics = compute_metrics(make_counts())
    assert tuple(metrics) == ("stage", "sample", "frame", *METRIC_COLUMNS)
    summary = compute_metrics(pool_counts(make_counts(), ("stage", "iou")))
    assert tuple(summary) == ("stage", "n_images", *METRIC_COLUMNS)
    n = len(IOU_THRESHOLDS)
    assert summary["stage"].tolist() == [ANNOTATION] * n + [SEGMENTATION] * n
    assert summary["iou"].tolist() == 2 * list(IOU_THRESHOLDS)
    assert summary["n_images"].tolist() == [2] * n + [1] * n
    first = summary.iloc[0]
    assert (first["n_true"], first["recall"], first["precision"]) == (8, 1 / 8, 1)
    assert (summary["f1"][n:] == 1).all()


def test_image_without_prediction_has_no_precision() -> None:
    last = compute_metrics(make_counts()).iloc[-1]
    assert np.isnan(last["precision"])
    assert last["recall"] == 0


def test_without_any_image_the_tables_are_empty() -> None:
    place = ("stage", "sample", "frame")
    counts = concatenate_tables([], (*place, *COUNT_COLUMNS))
    assert tuple(compute_metrics(counts)) == (*place, *METRIC_COLUMNS)
    summary = compute_metrics(pool_counts(counts, ("stage", "iou")))
    assert tuple(summary) == ("stage", "n_images", *METRIC_COLUMNS)
    assert len(summary) == 0

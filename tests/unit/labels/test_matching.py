"""Metrics on drawn squares, whose overlaps are known exactly."""

import math
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from stardist.matching import matching, matching_dataset

from autonuclei.labels.matching import (
    COUNT_COLUMNS,
    IOU_THRESHOLDS,
    METRIC_COLUMNS,
    compute_metrics,
    count_matches,
    drop_ignored,
    pool_counts,
    score_accuracy,
)
from shapes import draw_squares

Array = npt.NDArray[Any]
THRESHOLDS = (0.5, 0.6, 0.75, 0.9)
LABELS = hnp.arrays(np.int32, (8, 9), elements=st.integers(0, 5))


def compare(truth: Array, predicted: Array, iou: float = 0.5) -> pd.Series:
    return compute_metrics(count_matches(truth, predicted, [iou])).iloc[0]


def test_thresholds() -> None:
    assert IOU_THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def test_squares_with_known_overlaps() -> None:
    truth = draw_squares((60, 100), [(5, 5), (5, 30), (5, 55), (35, 5)], 10)
    # IoU 1, IoU 80/120 = 2/3 (shifted by 2), IoU 50/150 = 1/3 (shifted by 5), none, and one extra.
    predicted = draw_squares((60, 100), [(5, 5), (5, 32), (5, 60), (40, 80)], 10)
    row = compare(truth, predicted)
    assert (row["n_true"], row["n_predicted"]) == (4, 4)
    assert (row["true_positives"], row["false_positives"], row["false_negatives"]) == (2, 2, 2)
    assert row["precision"] == row["recall"] == row["f1"] == 0.5
    assert row["accuracy"] == pytest.approx(2 / 6)
    assert row["panoptic_quality"] == pytest.approx((1 + 2 / 3) / 4)
    assert row["mean_iou_matched"] == pytest.approx((1 + 2 / 3) / 2)
    assert row["mean_iou_true"] == pytest.approx((1 + 2 / 3) / 4)
    overlap = 100 + 80 + 50
    assert row["foreground_f1"] == pytest.approx(2 * overlap / 800)
    assert row["foreground_f1_touched"] == pytest.approx(2 * overlap / 700)
    strict = compare(truth, predicted, iou=0.7)
    assert (strict["true_positives"], strict["false_positives"]) == (1, 3)
    assert tuple(row.index) == METRIC_COLUMNS


def test_threshold_itself_counts_as_found() -> None:
    truth = draw_squares((30, 30), [(5, 5)], 12)
    predicted = truth.copy()
    predicted[5:11] = 0  # half of it: IoU 0.5
    assert compare(truth, predicted)["true_positives"] == 1
    assert compare(truth, predicted, iou=0.51)["true_positives"] == 0


def test_numbers_do_not_matter() -> None:
    truth = draw_squares((40, 40), [(2, 2), (20, 20)], 10)
    predicted = np.where(truth == 1, 900, np.where(truth == 2, 17, 0))
    assert compare(truth.astype(np.uint16), predicted)["f1"] == 1


@pytest.mark.parametrize(
    ("n_true", "n_predicted", "defined", "zero"),
    [
        (0, 0, set(), set()),
        (0, 1, {"precision"}, {"precision"}),
        (1, 0, {"recall"}, {"recall"}),
    ],
)
def test_undefined_is_nan(n_true: int, n_predicted: int, defined: set[str], zero: set[str]) -> None:
    square = draw_squares((20, 20), [(5, 5)], 5)
    row = compare(square * n_true, square * n_predicted)
    assert (row["n_true"], row["n_predicted"], row["true_positives"]) == (n_true, n_predicted, 0)
    for name in ("precision", "recall"):
        assert (row[name] == 0) if name in zero else math.isnan(row[name]), name
    assert math.isnan(row["mean_iou_matched"])
    assert math.isnan(row["mean_iou_true"]) == (n_true == 0)
    for name in ("f1", "accuracy", "panoptic_quality", "foreground_f1"):
        if n_true or n_predicted:
            assert row[name] == 0
        else:
            assert math.isnan(row[name])
    assert math.isnan(row["foreground_f1_touched"]) == (n_predicted == 0)


def test_pooled_is_computed_from_the_sums() -> None:
    squares = draw_squares((40, 40), [(2, 2), (2, 20), (20, 2), (20, 20)], 10)
    first = count_matches(squares, squares * (squares == 1), THRESHOLDS)
    second = count_matches(squares * (squares > 3), squares, THRESHOLDS)
    both = pd.concat([first.assign(stage="a"), second.assign(stage="b")])
    counts = pool_counts(both)
    assert tuple(counts) == ("iou", "n_images", *COUNT_COLUMNS[1:])
    pooled = compute_metrics(counts)
    assert tuple(pooled) == ("n_images", *METRIC_COLUMNS)
    assert tuple(pooled["iou"]) == THRESHOLDS
    for name, value in (("n_true", 5), ("n_predicted", 5), ("true_positives", 2), ("n_images", 2)):
        assert (pooled[name] == value).all()
    np.testing.assert_allclose(pooled["f1"], 2 / 5)
    np.testing.assert_allclose(pooled["precision"], 2 / 5)  # the images alone have 1 and 1/4
    assert (compute_metrics(first)["precision"] == 1).all()
    assert (compute_metrics(second)["precision"] == 0.25).all()
    apart = pool_counts(both, ("stage", "iou"))
    assert apart["stage"].tolist() == ["a"] * 4 + ["b"] * 4
    assert apart["true_positives"].tolist() == [1] * 8


@given(truth=LABELS, predicted=LABELS)
@settings(max_examples=80, deadline=None)
def test_same_as_stardist(truth: Array, predicted: Array) -> None:
    metrics = compute_metrics(count_matches(truth, predicted, THRESHOLDS))
    for threshold, (_, row) in zip(THRESHOLDS, metrics.iterrows(), strict=True):
        theirs = matching(truth, predicted, threshold)
        assert row["true_positives"] == theirs.tp
        assert row["false_positives"] == theirs.fp
        assert row["false_negatives"] == theirs.fn
        for ours, name, undefined in (
            ("precision", "precision", theirs.n_pred == 0),
            ("recall", "recall", theirs.n_true == 0),
            ("f1", "f1", theirs.n_true + theirs.n_pred == 0),
            ("accuracy", "accuracy", theirs.n_true + theirs.n_pred == 0),
            ("panoptic_quality", "panoptic_quality", theirs.n_true + theirs.n_pred == 0),
            ("mean_iou_matched", "mean_matched_score", theirs.tp == 0),
            ("mean_iou_true", "mean_true_score", theirs.n_true == 0),
        ):
            if undefined:
                assert math.isnan(row[ours])
            else:
                assert row[ours] == pytest.approx(getattr(theirs, name)), ours


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_pooled_is_the_data_set_of_stardist(pairs: list[tuple[Array, Array]]) -> None:
    counts = pd.concat([count_matches(truth, predicted, [0.5]) for truth, predicted in pairs])
    pooled = compute_metrics(pool_counts(counts)).iloc[0]
    truths, predictions = zip(*pairs, strict=True)
    theirs = matching_dataset(truths, predictions, 0.5, show_progress=False, parallel=False)
    assert pooled["true_positives"] == theirs.tp
    if theirs.n_true + theirs.n_pred:
        assert pooled["f1"] == pytest.approx(theirs.f1)
        assert pooled["panoptic_quality"] == pytest.approx(theirs.panoptic_quality)


def test_objects_on_ignored_pixels_are_dropped() -> None:
    labels = draw_squares((40, 60), [(5, 5), (5, 25), (5, 45)], 10)
    ignored = np.zeros(labels.shape, bool)
    ignored[5:15, 5:15] = True  # all of the first
    ignored[5:15, 25:30] = True  # half of the second
    kept = drop_ignored(labels, ignored)
    assert np.unique(kept).tolist() == [0, 2, 3]
    assert kept.dtype == labels.dtype
    ignored[5, 30] = True  # more than half
    assert np.unique(drop_ignored(labels, ignored)).tolist() == [0, 3]


def test_score_is_the_mean_accuracy() -> None:
    truth = draw_squares((40, 60), [(5, 5), (5, 30)], 10)
    predicted = draw_squares((40, 60), [(5, 5), (5, 35)], 10)  # IoU 1 and 1/3
    assert score_accuracy(truth, predicted) == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert math.isnan(score_accuracy(truth * 0, truth * 0))
    assert score_accuracy(truth, truth * 0) == 0


def test_score_pairs_rivals_as_stardist_does() -> None:
    """Below an IoU of one half a nucleus may have several partners."""
    rng = np.random.default_rng(6)
    for _ in range(20):
        truth = np.kron(rng.integers(0, 6, (5, 6)), np.ones((3, 3), int))
        predicted = np.where(rng.random(truth.shape) < 0.4, rng.integers(0, 6, truth.shape), truth)
        scores = [score.accuracy for score in matching(truth, predicted, (0.1, 0.3, 0.5))]
        assert score_accuracy(truth, predicted, (0.1, 0.3, 0.5)) == pytest.approx(np.mean(scores))


def test_a_mosaic_needs_no_table_of_all_by_all() -> None:
    """It would have 40,000 x 40,000 entries. The border cuts the last nucleus of each row."""
    labels = np.kron(np.arange(1, 40_001).reshape(200, 200), np.ones((2, 2), int))
    moved = np.pad(labels, ((0, 0), (1, 0)))[:, :-1]
    tracemalloc.start()
    counts = count_matches(labels, moved, (0.3, 0.5)).set_index("iou")
    assert tracemalloc.get_traced_memory()[1] < 2**28
    tracemalloc.stop()
    assert counts["true_positives"].tolist() == [40_000, 200]

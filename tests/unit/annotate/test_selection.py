"""The area window over an experiment."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonuclei.annotate.selection import (
    ACCEPTED,
    TOO_DIM,
    TOO_LARGE,
    TOO_SMALL,
    UNKNOWN,
    AreaWindow,
    compute_area_window,
    judge_objects,
    read_window,
    write_window,
)


def test_window_is_the_median_and_half_of_it() -> None:
    window = compute_area_window({"area_px": np.array([10, 100, 120, 1000])}, 0.5)
    assert window == AreaWindow(low=55, median=110, high=165, n_objects=4)


def test_objects_on_the_edge_of_the_window_are_kept() -> None:
    areas = np.array([49, 50, 100, 150, 151])
    verdict = judge_objects({"area_px": areas}, AreaWindow(50, 100, 150, 5))
    assert verdict.tolist() == [TOO_SMALL, ACCEPTED, ACCEPTED, ACCEPTED, TOO_LARGE]


def test_without_an_object_the_window_is_undefined(tmp_path: Path) -> None:
    window = compute_area_window({"area_px": np.array([])}, 0.5)
    assert np.isnan([window.low, window.median, window.high]).all()
    assert window.n_objects == 0
    assert judge_objects({"area_px": np.array([])}, window).tolist() == []
    write_window(tmp_path / "window.json", window)
    assert "NaN" not in (tmp_path / "window.json").read_text()
    assert np.isnan(read_window(tmp_path / "window.json").median)


def test_objects_are_not_judged_by_an_undefined_window() -> None:
    """An experiment that learns from nothing has no accepted nucleus either."""
    window = AreaWindow(float("nan"), float("nan"), float("nan"), 0)
    verdict = judge_objects({"area_px": np.array([100])}, window)
    assert verdict.tolist() == [UNKNOWN]


@given(st.lists(st.integers(1, 10_000), min_size=1), st.floats(0.01, 3))
def test_the_median_object_is_always_inside(areas: list[int], tolerance: float) -> None:
    window = compute_area_window({"area_px": np.array(areas)}, tolerance)
    assert window.low <= window.median <= window.high
    if len(areas) % 2:
        verdict = judge_objects({"area_px": np.array(areas)}, window)
        assert verdict[np.array(areas) == np.median(areas)][0] == ACCEPTED


@given(
    low=st.floats(0, 1e6),
    median=st.floats(0, 1e6),
    high=st.floats(0, 1e6),
    n=st.integers(0, 10**6),
)
def test_window_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, low: float, median: float, high: float, n: int
) -> None:
    path = tmp_path_factory.mktemp("window") / "window.json"
    window = AreaWindow(low, median, high, n)
    write_window(path, window)
    assert read_window(path) == window


def test_nuclei_cut_by_the_border_may_be_smaller() -> None:
    table = {
        "area_px": np.array([100, 30, 30, 15, 300]),
        "solidity": np.ones(5),
        "touches_border": np.array([False, False, True, True, True]),
    }
    areas = np.array([100.0, 100.0, 100.0])
    window = compute_area_window({"area_px": areas}, 0.5, share_at_border=0.2)
    assert judge_objects(table, window).tolist() == [
        "accepted", "too small", "accepted", "too small", "too large",
    ]  # fmt: skip
    window = compute_area_window({"area_px": areas}, 0.5)
    assert judge_objects(table, window)[2] == "too small"


def test_dim_objects_are_rejected_and_do_not_count() -> None:
    """Debris as large as this would otherwise move the median."""
    table = {
        "area_px": np.array([100, 100, 100, 900, 900, 900, 900]),
        "relative_contrast": np.array([1.0, 0.9, 0.3, 0.1, 0.1, 0.1, 0.1]),
    }
    window = compute_area_window(table, 0.5, minimum_relative_contrast=0.2)
    assert (window.median, window.n_objects) == (100, 3)
    assert judge_objects(table, window).tolist() == [ACCEPTED] * 3 + [TOO_DIM] * 4
    every = compute_area_window(table, 0.5)
    assert (every.median, every.n_objects) == (900, 7)

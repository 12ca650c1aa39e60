"""What counts as a nucleus over an experiment."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonuclei.annotate.selection import (
    ACCEPTED,
    TOO_DIM,
    TOO_LARGE,
    TOO_SMALL,
    UNKNOWN,
    AcceptedRange,
    compute_accepted_range,
    drop_specks,
    judge_objects,
    keep_accepted,
    read_accepted_range,
    write_accepted_range,
)
from shapes import draw_squares


def list_areas(*areas: float) -> pd.DataFrame:
    return pd.DataFrame({"area_px": areas})


def compute(objects: pd.DataFrame, tolerance: float = 0.5, **options: Any) -> AcceptedRange:
    """By area alone, unless asked for more."""
    names = (
        "area_tolerance_above", "solidity_tolerance", "share_at_border", "minimum_relative_contrast"
    )  # fmt: skip
    limits = dict.fromkeys(names) | {"unusual_nuclei": False} | options
    return compute_accepted_range(objects, area_tolerance=tolerance, **limits)


def test_range_is_the_median_and_half_of_it() -> None:
    accepted = compute(list_areas(10, 100, 120, 1000))
    assert accepted == AcceptedRange(low=55, median=110, high=165, n_objects=4)


def test_objects_on_the_edge_of_the_range_are_kept() -> None:
    verdict = judge_objects(list_areas(49, 50, 100, 150, 151), AcceptedRange(50, 100, 150, 5))
    assert verdict.tolist() == [TOO_SMALL, ACCEPTED, ACCEPTED, ACCEPTED, TOO_LARGE]


def test_without_an_object_the_range_is_undefined(tmp_path: Path) -> None:
    accepted = compute(list_areas())
    assert np.isnan([accepted.low, accepted.median, accepted.high]).all()
    assert accepted.n_objects == 0
    assert judge_objects(list_areas(), accepted).tolist() == []
    write_accepted_range(tmp_path / "range.json", accepted)
    assert "NaN" not in (tmp_path / "range.json").read_text()
    assert np.isnan(read_accepted_range(tmp_path / "range.json").median)


def test_objects_are_not_judged_by_an_undefined_range() -> None:
    """An experiment that learns from nothing has no accepted nucleus either."""
    accepted = AcceptedRange(float("nan"), float("nan"), float("nan"), 0)
    assert judge_objects(list_areas(100), accepted).tolist() == [UNKNOWN]


@given(st.lists(st.integers(1, 10_000), min_size=1), st.floats(0.01, 3))
def test_the_median_object_is_always_inside(areas: list[int], tolerance: float) -> None:
    accepted = compute(list_areas(*areas), tolerance)
    assert accepted.low <= accepted.median <= accepted.high
    # Of an even number the median is no object.
    verdict = judge_objects(list_areas(*areas), accepted)
    assert set(verdict[np.array(areas) == accepted.median]) <= {ACCEPTED}
    if len(areas) % 2 and len(drop_specks(list_areas(*areas))) == len(areas):
        assert ACCEPTED in verdict


@given(
    low=st.floats(0, 1e6),
    median=st.floats(0, 1e6),
    high=st.floats(0, 1e6),
    n=st.integers(0, 10**6),
)
def test_range_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, low: float, median: float, high: float, n: int
) -> None:
    path = tmp_path_factory.mktemp("range") / "range.json"
    accepted = AcceptedRange(low, median, high, n, unusual=n % 2 == 1)
    write_accepted_range(path, accepted)
    assert read_accepted_range(path) == accepted


def test_nuclei_cut_by_the_border_may_be_smaller() -> None:
    table = list_areas(100, 30, 30, 15, 300).assign(touches_border=[False, False, True, True, True])
    accepted = compute(list_areas(100, 100, 100), share_at_border=0.2)
    assert judge_objects(table, accepted).tolist() == [
        "accepted", "too small", "accepted", "too small", "too large",
    ]  # fmt: skip
    assert judge_objects(table, compute(list_areas(100, 100, 100)))[2] == "too small"


def test_dim_objects_are_rejected_and_do_not_count() -> None:
    """Debris as large as this would otherwise move the median."""
    table = list_areas(100, 100, 100, 900, 900, 900, 900).assign(
        relative_contrast=[1.0, 0.9, 0.3, 0.1, 0.1, 0.1, 0.1]
    )
    accepted = compute(table, minimum_relative_contrast=0.2)
    assert (accepted.median, accepted.n_objects) == (100, 3)
    assert judge_objects(table, accepted).tolist() == [ACCEPTED] * 3 + [TOO_DIM] * 4
    every = compute(table)
    assert (every.median, every.n_objects) == (900, 7)


def test_unusual_nuclei_are_accepted_beyond_the_limits() -> None:
    """A dim one, a small bright one, and those that are neither."""
    table = list_areas(100, 100, 20, 20, 300).assign(
        relative_contrast=[0.1, 0.1, 2.0, 0.8, 0.1],
        solidity=[0.95, 0.95, 0.86, 0.86, 0.95],
        significance=[100.0, 60.0, 500.0, 200.0, 300.0],
        ellipticity=[0.98, 0.98, 0.96, 0.96, 0.98],
        touches_border=False,
    )
    usual = list_areas(100, 100, 100).assign(relative_contrast=1.0, solidity=0.94)
    options = {"minimum_relative_contrast": 0.2, "solidity_tolerance": 0.05}
    accepted = compute(usual, **options, unusual_nuclei=True)
    assert judge_objects(table, accepted).tolist() == [
        ACCEPTED, TOO_DIM, ACCEPTED, TOO_SMALL, TOO_DIM,
    ]  # fmt: skip
    assert ACCEPTED not in judge_objects(table, compute(usual, **options))


def test_a_part_of_a_table_is_judged_by_its_own_rows() -> None:
    """The index of a table that was cut from another does not start at 0."""
    table = list_areas(10, 100, 100, 100, 10)
    verdict = judge_objects(table[table.index > 1], compute(table))
    assert verdict.tolist() == [ACCEPTED, ACCEPTED, TOO_SMALL]


def test_accepted_objects_keep_their_numbers() -> None:
    labels = draw_squares((30, 30), [(2, 2), (2, 15), (15, 2)], 5)
    table = pd.DataFrame({"label": [1, 2, 3], "verdict": [ACCEPTED, TOO_SMALL, ACCEPTED]})
    np.testing.assert_array_equal(keep_accepted(labels, table), np.where(labels == 2, 0, labels))


def make_field(n: int, area: float, solidity: float, *, seed: int = 0) -> pd.DataFrame:
    """Objects of an area and a solidity, more or less."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "area_px": np.round(area * rng.lognormal(0, 0.2, n)),
            "solidity": np.minimum(solidity + rng.normal(0, 0.01, n), 1.0),
        }
    )


def test_specks_that_outnumber_the_nuclei_do_not_set_the_range() -> None:
    nuclei = make_field(74, 300, 0.95)
    specks = pd.DataFrame({"area_px": [9.0] * 160, "solidity": 1.0})
    both = pd.concat([nuclei, specks])
    alone, found = (
        compute(table, 0.75, area_tolerance_above=3.0, solidity_tolerance=0.05)
        for table in (nuclei, both)
    )
    assert found == alone
    verdict = judge_objects(both, found)
    assert (verdict[74:] == TOO_SMALL).all()
    assert (verdict[:74] == ACCEPTED).sum() >= 70


@pytest.mark.parametrize(
    "large",
    [
        make_field(30, 3000, 0.8),  # clumps with more area than the nuclei
        make_field(9, 20000, 0.95),  # a few bubbles
        make_field(160, 700, 0.95),  # nuclei of twice the size, as many
        make_field(0, 1, 1),
    ],
)
def test_large_objects_beside_nuclei_do_not_make_specks_of_them(large: pd.DataFrame) -> None:
    both = pd.concat([make_field(160, 300, 0.95, seed=1), large])
    assert len(drop_specks(both)) == len(both)

"""Tables come back from a file as they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autonuclei.errors import InputError
from autonuclei.io.tables import (
    add_columns,
    add_sample_columns,
    concatenate_tables,
    read_table,
    write_table,
)


def test_every_kind_of_column_comes_back(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "frame": [0, 1],
            "area_px": [1.5, np.nan],
            "is_cut": [True, False],
            "sample": ["NA", "7"],
            "empty": [np.nan, np.nan],
            "note": ["", 'a, "b"'],
        }
    )
    write_table(tmp_path / "t.csv", table)
    text = (tmp_path / "t.csv").read_text()
    assert text.splitlines()[:2] == ["frame,area_px,is_cut,sample,empty,note", "0,1.5,true,NA,,"]
    back = read_table(tmp_path / "t.csv", text=("sample", "note"))
    pd.testing.assert_frame_equal(back, table, check_dtype=False)
    assert [kind.kind for kind in back.dtypes[:3]] == ["i", "f", "b"]


def test_decimal_numbers_have_seven_digits(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", pd.DataFrame({"x": [1 / 3, 1e-9, 12345678.9, 2.0]}))
    assert (tmp_path / "t.csv").read_text() == "x\n0.3333333\n1e-09\n1.234568e+07\n2\n"


def test_a_table_without_rows(tmp_path: Path) -> None:
    empty = concatenate_tables([], ("frame", "sample"))
    write_table(tmp_path / "t.csv", empty)
    back = read_table(tmp_path / "t.csv", text=("sample",))
    assert list(back) == ["frame", "sample"]
    assert len(back) == 0
    assert (back["frame"].to_numpy() == 1).sum() == 0


def test_empty_tables_do_not_change_the_types_of_others() -> None:
    some = pd.DataFrame({"label": [1, 2]})
    joined = concatenate_tables([pd.DataFrame({"label": []}), some])
    assert joined["label"].tolist() == [1, 2]
    assert joined["label"].dtype == np.int64


def test_no_text_is_a_formula_for_a_spreadsheet_and_all_come_back(tmp_path: Path) -> None:
    texts = ["=1+1", "@SUM(A1)", "'=1+1", "''@x", "'quoted'", "-2", "plain", "", None]
    table = pd.DataFrame({"=name": texts, "n": range(len(texts))})
    write_table(tmp_path / "t.csv", table)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[:5] == ["'=name,n", "'=1+1,0", "'@SUM(A1),1", "''=1+1,2", "'''@x,3"]
    read = read_table(tmp_path / "t.csv")
    assert read.columns.tolist() == ["=name", "n"]
    assert read["=name"].tolist() == [*texts[:-1], ""]


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"t.csv: is not a whole table .* Delete it and"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_table_that_was_cut_short_gives_no_numbers(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_table(path, pd.DataFrame({"a": [1.5, 2.25], "b": [10, 20]}))
    whole = path.read_bytes()
    # At the end of a line only the size tells, which the job notes (io/written.py).
    ends = (
        {n + 1 for n, byte in enumerate(whole) if byte == ord("\n")}
        if path.suffix == ".csv"
        else set()
    )
    for n in set(range(len(whole))) - ends:
        path.write_bytes(whole[:n])
        with pytest.raises(InputError, match="is not a whole table"):
            read_table(path)


COLUMNS = st.one_of(
    hnp.arrays(np.int64, 5, elements=st.integers(-(2**62), 2**62)),
    hnp.arrays(np.float64, 5, elements=st.floats(allow_infinity=True, allow_nan=True)),
    hnp.arrays(np.bool_, 5),
    st.lists(st.text("abcXYZ ,\"'äµ-_", min_size=1), min_size=5, max_size=5),
)


@given(st.dictionaries(st.text("abc_", min_size=1), COLUMNS, min_size=1))
@settings(max_examples=100, deadline=None)
def test_any_table_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("table") / "a.csv"
    table = pd.DataFrame(columns)
    write_table(path, table)
    back = read_table(path)
    assert list(back) == list(table)
    for name in table:
        if table[name].dtype.kind == "f":
            np.testing.assert_allclose(back[name].astype(float), table[name], rtol=1e-6)
        else:
            assert back[name].tolist() == table[name].tolist()


def test_what_the_sheet_says_of_a_sample_stands_last_and_stays_text(tmp_path: Path) -> None:
    columns = {"well": "1E3", "site": "007", "condition": "", "replicate": "NA"}
    table = add_columns(pd.DataFrame({"frame": [0, 1], "area_px": [2.5, 3.5]}), columns)
    write_table(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_text() == (
        "frame,area_px,well,site,condition,replicate\n0,2.5,1E3,007,,NA\n1,3.5,1E3,007,,NA\n"
    )
    back = read_table(tmp_path / "t.csv")
    assert back.to_dict("list") == {"frame": [0, 1], "area_px": [2.5, 3.5]} | {
        name: [value, value] for name, value in columns.items()
    }
    # A table that is made from it has them last, and once.
    moved = add_columns(back.assign(track=1), columns | {"well": "B02"})
    assert list(moved) == ["frame", "area_px", "track", *columns]
    assert moved["well"].tolist() == ["B02", "B02"]


def test_what_the_sheet_says_goes_to_the_rows_of_each_sample(tmp_path: Path) -> None:
    columns = {"a": {"well": "01", "condition": "drug"}, "7": {"well": "", "condition": "none"}}
    table = pd.DataFrame({"sample": ["7", "a", "7"], "n": [1, 2, 3]}, index=[4, 4, 9])
    written = add_sample_columns(table, columns)
    write_table(tmp_path / "t.csv", written)
    back = read_table(tmp_path / "t.csv", text=("sample",))
    assert list(back) == ["sample", "n", "well", "condition"]
    assert back["well"].tolist() == ["", "01", ""]
    assert back["condition"].tolist() == ["none", "drug", "none"]


@pytest.mark.parametrize("n", [0, 2])
def test_a_sheet_that_says_nothing_changes_no_table(tmp_path: Path, n: int) -> None:
    table = pd.DataFrame({"sample": ["a"] * n, "x": [0.5] * n})
    pd.testing.assert_frame_equal(add_columns(table, {}), table)
    pd.testing.assert_frame_equal(add_sample_columns(table, {"a": {}}), table)


def test_a_table_without_rows_has_the_columns_too(tmp_path: Path) -> None:
    table = pd.DataFrame({"sample": pd.Series(dtype=str), "n": pd.Series(dtype=int)})
    for number, made in enumerate(
        (add_columns(table, {"well": "1"}), add_sample_columns(table, {"a": {"well": "1"}}))
    ):
        write_table(tmp_path / f"{number}.csv", made)
        assert (tmp_path / f"{number}.csv").read_text() == "sample,n,well\n"
        assert list(read_table(tmp_path / f"{number}.csv")) == ["sample", "n", "well"]

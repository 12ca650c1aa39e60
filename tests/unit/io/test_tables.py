"""Tables come back from a file as they were."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.io.tables import concatenate_tables, read_table, write_table


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


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"t.csv: is not a table .* Delete it and run again"):
        read_table(tmp_path / "t.csv")

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

"""Tables as CSV files."""

import os
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside

# Columns of the sample sheet that stand in every table of results; always text, a well 1E3 too.
FREE_COLUMNS = ("plate", "well", "site", "condition", "replicate")


def write_table(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as CSV, compressed where the path ends with ``.gz``.

    Decimal numbers get 7 significant digits, NaN is an empty cell, booleans are ``true`` and
    ``false``. The index is left out. The same table gives the same bytes. A spreadsheet would run
    a text that begins with ``=`` or ``@``: it gets an apostrophe before it.
    """
    shown = table.copy(deep=False)
    for name in table.select_dtypes("bool"):
        shown[name] = table[name].map({True: "true", False: "false"})
    for name in table.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]]:
        shown[name] = table[name].map(_guard, na_action="ignore")
    shown = shown.rename(columns=_guard)
    is_packed = Path(path).suffix == ".gz"
    packing = {"method": "gzip", "compresslevel": 4, "mtime": 0} if is_packed else None
    with write_beside(path) as partial:
        shown.to_csv(
            partial, index=False, float_format="%.7g", lineterminator="\n", compression=packing
        )


def read_table(path: str | os.PathLike[str], *, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table that `write_table` wrote.

    Parameters
    ----------
    path
        A CSV file.
    text
        Columns of names, which stay text where all of them look like numbers. `FREE_COLUMNS` are
        text in any case.

    Returns
    -------
    DataFrame
        Columns are bool, int64 or float64 where every value is one, else text. Empty cells are
        NaN, in columns of text "".

    Raises
    ------
    InputError
        The file is not such a table.
    """
    text = (*FREE_COLUMNS, *text)
    try:
        _check_end(Path(path))
        table = pd.read_csv(
            path,
            dtype=dict.fromkeys(text, str),
            true_values=["true"],
            false_values=["false"],
            # A sample may be called NA.
            keep_default_na=False,
            skip_blank_lines=False,
            na_values=[""],
        )
    except FileNotFoundError:
        raise
    # ValueError: also those of pandas; the others are of gzip.
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{Path(path)}: is not a whole table that this workflow wrote. Delete it and run again."
        ) from error
    if table.empty:
        table = table.astype({name: "int64" for name in table.columns if name not in text})
    for name in table.columns[[isinstance(kind, pd.StringDtype) for kind in table.dtypes]]:
        table[name] = table[name].fillna("").map(_unguard)
    return table.rename(columns=_unguard)


# "+drug" and "-/-" are common names, and stay; a cell of the sheet cannot begin with a tab.
_FORMULA = re.compile(r"'*[=@]")


def _guard(text: Any) -> Any:
    return f"'{text}" if isinstance(text, str) and _FORMULA.match(text) else text


def _unguard(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _check_end(path: Path) -> None:
    """Refuse a table whose last line was cut short, which would give other numbers."""
    if path.suffix == ".gz":
        return  # has a checksum
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        if file.read() != b"\n":
            raise ValueError("the last line has no end")


def concatenate_tables(tables: Sequence[pd.DataFrame], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Put tables of the same columns below each other; without any, an empty one of `columns`."""
    # The columns of a table without a row have no type that they could keep in a file.
    filled = [table for table in tables if len(table)] or list(tables[:1])
    if not filled:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    return pd.concat(filled, ignore_index=True)


def add_columns(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The table of a sample with what the sheet says of the sample as its last columns.

    Parameters
    ----------
    table
        Columns of these names that it has already give way.
    columns
        Text by name of column, the same for all rows.
    """
    return table.drop(columns=list(columns), errors="ignore").assign(**columns)


def add_sample_columns(
    table: pd.DataFrame, columns: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    """As `add_columns`, for a table of several samples, which its column `sample` names.

    Parameters
    ----------
    table
    columns
        Text by name of column, for each sample; all have the same names.
    """
    names = list(dict.fromkeys(name for known in columns.values() for name in known))
    values = {
        name: pd.Series([columns[own][name] for own in table["sample"]], table.index, dtype=str)
        for name in names
    }
    return table.drop(columns=names, errors="ignore").assign(**values)

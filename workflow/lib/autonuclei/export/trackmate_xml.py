"""XML as TrackMate's reader in Java takes it."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import pandas as pd

Value = str | float | bool


class XmlWriter:
    """Writes elements line by line, each level indented by two spaces."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._indent = ""
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n')

    @contextmanager
    def element(self, tag: str, *texts: str, **attributes: Value) -> Iterator[None]:
        """Write an element around what is written in the block.

        Parameters
        ----------
        tag : str
        texts : str
            Attributes that are text already, as of `format_rows`.
        attributes : str, float or bool
        """
        self.write_lines([f"<{_join(tag, texts, attributes)}>"])
        self._indent += "  "
        yield
        self._indent = self._indent[2:]
        self.write_lines([f"</{tag}>"])

    def write_empty(self, tag: str, **attributes: Value) -> None:
        """Write an element without content."""
        self.write_lines([f"<{_join(tag, (), attributes)} />"])

    def write_text(self, tag: str, text: str) -> None:
        """Write an element that holds text."""
        self.write_lines([f"<{tag}>{escape_text(text)}</{tag}>"])

    def write_lines(self, lines: Iterable[str]) -> None:
        """Write elements that are text already."""
        self._out.writelines(f"{self._indent}{line}\n" for line in lines)


# XML 1.0 has no way to hold most control characters.
_NO_TEXT = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def is_text(name: str) -> bool:
    """Whether a name is one line that XML holds as it is."""
    return not _NO_TEXT.search(name) and not set(name) & set("\t\n\r")


def escape_text(text: str) -> str:
    """Escape what XML reads as its own; a question mark for what it has no way to hold."""
    return escape(_NO_TEXT.sub("?", text))


def format_java_number(value: float) -> str:
    """Write a number as Java reads it: `NaN` and `Infinity`, else the shortest exact form."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def format_rows(table: pd.DataFrame) -> Iterator[str]:
    """Write each row of a table of numbers as the attributes of an element."""
    template = " ".join(f'{name}="%s"' for name in table)
    columns = (_format_column(table[name].to_numpy()) for name in table)
    for values in zip(*columns, strict=True):
        yield template % values


def _join(tag: str, texts: Iterable[str], attributes: Mapping[str, Value]) -> str:
    formatted = (f'{name}="{_format_value(value)}"' for name, value in attributes.items())
    return " ".join([tag, *texts, *formatted])


def _format_value(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format_java_number(value)
    return escape_text(str(value)).replace('"', "&quot;")


def _format_column(values: npt.NDArray[Any]) -> list[str]:
    plain = values.dtype.kind == "i" or np.isfinite(values).all()
    return list(map(repr if plain else format_java_number, values.tolist()))

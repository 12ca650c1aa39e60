"""Names of channels, and of the columns of each."""

import re
import unicodedata
from collections.abc import Sequence

STATISTICS = ("mean", "median", "total", "std", "p05", "p95")
# Columns of each nucleus, before those of the channels.
NUCLEUS_COLUMNS = (
    "frame",
    "label",
    "ring_area_px",
    "ring_touches_border",
    "background_is_local",
)
# Columns of each channel, behind its name.
CHANNEL_COLUMNS = (
    *STATISTICS,
    *(f"ring_{name}" for name in STATISTICS),
    "core_mean",
    "ring_ratio",
    "background",
    "raw_mean",
    "saturated",
)


def name_channels(names: Sequence[str | None]) -> list[str]:
    """Make names of channels that are safe and unique as the beginning of a column's name.

    Letters without accents, digits and `_` stay, all else becomes `_`. A name that begins with
    a digit gets `channel_` in front of it, one that is missing becomes `channel` and its number,
    counted from 1. A name whose columns there are already, in capital or small letters, gets a
    number at its end. Names that are safe stay as they are.

    Parameters
    ----------
    names
        As the file has them, in the order of its channels.
    """
    taken: set[str] = set()
    safe = []
    for number, name in enumerate(names, start=1):
        plain = unicodedata.normalize("NFKD", name or "").encode("ascii", "ignore").decode()
        stem = re.sub(r"\W+", "_", plain).strip("_") or f"channel{number}"
        if stem[0].isdigit():
            stem = f"channel_{stem}"
        choice, repeat = stem, 1
        while taken & _list_columns(choice):
            repeat += 1
            choice = f"{stem}_{repeat}"
        taken |= _list_columns(choice)
        safe.append(choice)
    return safe


def _list_columns(name: str) -> set[str]:
    return {f"{name}_{column}".lower() for column in CHANNEL_COLUMNS}


def list_all_columns(channels: Sequence[str]) -> list[str]:
    """All columns of a table of these channels, as `measure_channels` makes it."""
    return [
        *NUCLEUS_COLUMNS,
        *(f"{name}_{column}" for name in channels for column in CHANNEL_COLUMNS),
    ]

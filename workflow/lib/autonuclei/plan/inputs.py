"""What was read of each sample, in words: for the terminal, the page and the table of a run.

Rows are those of `Plan.describe_inputs`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

Row = Mapping[str, Any]

# Of these columns samples of one kind have mostly the same value.
_ALIKE = (
    "Read as",
    "Channel",
    "Z slices",
    "Size (px)",
    "Type",
    "Pixel size (µm)",
    "Interval (min)",
)
# With more samples than this, only the first of a kind and those that differ are shown.
_MOST_ROWS = 12
_MOST_LINES = 5


def describe_input(row: Row) -> dict[str, str]:
    """Say in a few words each what was read of a sample, by the heading of a column.

    A sample that holds 12 planes is "12 planes = 6 time points x 2 channels". What does not
    apply is empty.
    """
    return {
        "Sample": row["sample"],
        "Read as": _count_planes(row),
        "Channel": _name_channel(row),
        "Z slices": _name_slices(row),
        "Position": _name_position(row),
        "Size (px)": _span([f"{width} x {height}" for width, height in row["sizes"]]),
        "Type": row["dtype"],
        "Pixel size (µm)": _name_pixel_size(row),
        "Interval (min)": _name_interval(row),
        "Masks": _name_masks(row),
        "Files": _name_files(row),
    }


def list_remarks(rows: Sequence[Row]) -> list[str]:
    """Lines on single samples: what was left out, which labels belong where, what was noticed."""
    return [
        f"{row['sample']}: {words}{line}"
        for row in rows
        for key, words in (("left_out", "left out: "), ("said", ""), ("pairing", ""), ("notes", ""))
        for line in row[key]
    ]


def tabulate_inputs(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for a table in a file: lists as text, and what it was read as in words."""
    table = []
    for row in rows:
        flat = {"sample": row["sample"], "read_as": _count_planes(row)} | dict(row)
        flat["sizes"] = [f"{width} x {height}" for width, height in row["sizes"]]
        table.append(
            {
                key: "; ".join(map(_write, value)) if isinstance(value, list | tuple) else value
                for key, value in flat.items()
            }
        )
    return table


def format_inputs(rows: Sequence[Row]) -> str:
    """Put what was read into lines of text, for the start of a run.

    Of many samples the first of the most frequent kind are shown, and those that differ from it;
    some 20 lines at most.
    """
    told = [describe_input(row) for row in rows]
    shown, left = _choose_rows(told)
    columns = [name for name in told[0] if any(row[name] for row in shown)]
    lines = [{name: name.lower().replace("µ", "u") for name in columns}, *shown]
    widths = {name: max(len(line[name]) for line in lines) for name in columns}
    text = ["  ".join(line[name].ljust(widths[name]) for name in columns) for line in lines]
    text += left
    remarks = list_remarks([{**row, "notes": []} for row in rows])  # which are told as warnings
    text += remarks[:_MOST_LINES]
    if len(remarks) > _MOST_LINES:
        text.append(f"... and {len(remarks) - _MOST_LINES} more lines of this kind")
    return "\n".join(line.rstrip() for line in text)


def _choose_rows(told: Sequence[dict[str, str]]) -> tuple[list[dict[str, str]], list[str]]:
    """The rows to show, and lines that say how many others there are."""
    if len(told) <= _MOST_ROWS:
        return list(told), []
    kinds = [tuple(row[key] for key in _ALIKE) for row in told]
    usual, n_usual = Counter(kinds).most_common(1)[0]
    alike = [row for row, kind in zip(told, kinds, strict=True) if kind == usual]
    other = [row for row, kind in zip(told, kinds, strict=True) if kind != usual]
    n_other = min(len(other), _MOST_ROWS - 3)
    first = alike[: _MOST_ROWS - n_other]
    left = []
    if n_usual > len(first):
        left.append(f"... and {n_usual - len(first)} more samples that were read as the first one")
    if len(other) > n_other:
        left.append(f"... and {len(other) - n_other} more samples that differ from it")
    return [*first, *other[:n_other]], left


def _count_planes(row: Row) -> str:
    n_frames = row["n_frames"]
    what = "time point" if row["kind"] == "movie" else "image"
    factors = [_count(n_frames, what)]
    n_slices = 1 if row["projection"] == "time" else row["n_slices"]
    n_channels = row["n_channels"] or 1
    if n_slices > 1:
        factors.append(_count(n_slices, "z slice"))
    if n_channels > 1:
        factors.append(_count(n_channels, "channel"))
    text = " x ".join(factors)
    if len(factors) > 1:
        text = f"{_count(n_frames * n_slices * n_channels, 'plane')} = {text}"
    if row["missing_frames"]:
        text += f", {_count(row['missing_frames'], what)} missing"
    return text


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _name_channel(row: Row) -> str:
    names, chosen, n = row["channel_names"], row["channel"], row["n_channels"] or 1
    if chosen is None:
        return names[0] if len(names) == 1 else ""
    if n == 1:
        return str(chosen)
    number = row["channel_number"]
    return f"{number} of {n}" + (f" ({names[number - 1]})" if names else "")


def _name_slices(row: Row) -> str:
    if row["projection"] == "time":
        return "are time points"
    return f"{row['projection']} of {row['n_slices']}" if row["n_slices"] > 1 else ""


def _name_position(row: Row) -> str:
    chosen, name = row["position"], row["position_name"]
    if chosen is None or name in ("", chosen):
        return chosen or ""
    return f"{chosen} ({name})"


def _name_pixel_size(row: Row) -> str:
    if not row["pixel_sizes_um"]:
        return "unknown"
    text = _span(row["pixel_sizes_um"])
    if len(row["pixel_sizes_um"]) == 1 and row["pixel_size_um"] is None:
        text += " or unknown"
    return _add_source(text, row["pixel_size_source"])


def _name_interval(row: Row) -> str:
    if row["kind"] != "movie" or row["n_frames"] == 1:
        return ""
    if row["frame_interval_min"] is None:
        return "unknown"
    return _add_source(f"{row['frame_interval_min']:.4g}", row["frame_interval_source"])


def _name_masks(row: Row) -> str:
    """Where they do not come from a network alone."""
    given = "given" if row["labels_given"] else ""
    corrected = "corrected by hand" if row["corrected"] else ""
    return ", ".join(filter(None, [given, corrected]))


def _name_files(row: Row) -> str:
    paths = [PurePath(row[key]) for key in ("first_file", "last_file")]
    if row["n_files"] == 1:
        return paths[0].name
    # Files of one name, such as those of each time point, differ by their folder.
    first, last = ("/".join(path.parts[-2:]) for path in paths)
    if paths[0].name != paths[1].name or first == last:
        first, last = (path.name for path in paths)
    return f"{row['n_files']}: {first} to {last}"


def _write(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.7g}"


def _span(values: Sequence[float] | Sequence[str]) -> str:
    """The values in words: nothing, the only one, or the first and the last."""
    texts = [value if isinstance(value, str) else f"{value:.4g}" for value in values]
    return " to ".join([texts[0], texts[-1]] if len(texts) > 1 else texts)


def _add_source(text: str, source: str) -> str:
    return f"{text} ({source})" if source else text

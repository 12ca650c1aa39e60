"""Compare methods and results on data with a ground truth: `make evaluate DATA=folder`."""

import argparse
import math
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.io.tables import write_table
from research.evaluation.layouts import Recording, Result, read_recordings, read_result
from research.evaluation.methods import list_methods
from research.evaluation.scores import score_result

METHODS = ("ours", "paper", "otsu", "linking", "laptrack")
# By the name of the data set, in pixels, as the Cell Tracking Challenge has them.
BORDERS = {"HeLa": 25, "GOWT1": 50, "MSC": 50, "SIM+": 0}
# Columns of the page, and their titles.
SHOWN = {
    "F1 0.50": "F1 at 0.5", "F1 0.80": "0.8", "F1 0.90": "0.9", "F1 mean 0.50": "mean F1 at 0.5",
    "AP 0.50": "AP at 0.5", "mAP": "mean AP", "mAP mean": "mean AP, over images", "SEG": "SEG",
}  # fmt: skip
SHOWN_TRACKS = {
    "DET": "DET", "TRA": "TRA", "LNK": "LNK", "CT": "CT", "TF": "TF", "BC_0": "BC(0)",
    "BC_1": "BC(1)", "CHOTA": "CHOTA", "division_f1_0": "division F1", "division_f1_1": "± 1",
}  # fmt: skip


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make evaluate", description=__doc__)
    parser.add_argument("data", type=Path, help="folder in one of the layouts of docs/benchmark.md")
    parser.add_argument("--methods", nargs="*", default=[], help=f"of {', '.join(METHODS)}")
    parser.add_argument("--results", nargs="*", type=Path, default=[], help="of any program")
    parser.add_argument("--masks", default="silver", help="which truth linking takes as masks")
    parser.add_argument("--only", nargs="*", default=[], help="names of sequences or groups")
    parser.add_argument("--border", type=int, help="px; default: by the name of the data, else 0")
    parser.add_argument("--out", type=Path, default=Path("evaluated"), help="folder for all")
    parser.add_argument("--cores", default="all", help="as for snakemake")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.methods) - set(METHODS))
    if unknown:
        parser.error(f"--methods: there is no {unknown[0]}; methods are {', '.join(METHODS)}")
    return arguments


def choose_recordings(recordings: list[Recording], only: Iterable[str]) -> list[Recording]:
    names = [recording.name for recording in recordings]
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise InputError(f"ONLY: there is no {unknown[0]}; there are {', '.join(names)}.")
    return [recording for recording in recordings if not only or recording.name in only]


def find_border(data: Path) -> int:
    """The margin that does not count, where the folder is named as a data set of the challenge."""
    words = re.split("[-_ ]", data.name.lower())
    return next((px for name, px in BORDERS.items() if name.lower() in words), 0)


def format_page(rows: pd.DataFrame, border_px: int) -> str:
    """The tables in Markdown."""
    lines = [
        "# Evaluation",
        "",
        f"Nuclei wholly within {border_px} px of the border do not count. F1 and AP at an IoU are "
        "those of all images pooled, mean F1 and the last mean AP the means over images. Division "
        "F1: in the very frame, and up to one frame early or late; each mismatch is one false "
        "positive and one false negative.",
    ]
    kinds = dict.fromkeys(name.split(" ")[0] for name in rows if name.endswith(" SEG"))
    for kind in kinds:
        shown = {f"{kind} {name}": title for name, title in SHOWN.items()}
        lines += ["", f"## Masks, against {kind}", "", *_format_table(rows, shown)]
    if "TRA" in rows:
        lines += ["", "## Tracks", "", *_format_table(rows, SHOWN_TRACKS)]
    return "\n".join(lines) + "\n"


def _format_table(rows: pd.DataFrame, shown: Mapping[str, str]) -> list[str]:
    titles = ["data", "method", *shown.values(), "CPU-s"]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for row in rows.to_dict("records"):
        values = [row.get(name, math.nan) for name in shown]
        if all(value != value for value in values):
            continue
        cells = ["" if value != value else f"{value:.3f}" for value in values]
        cpu = "" if row["cpu_s"] != row["cpu_s"] else f"{row['cpu_s']:.0f}"
        lines.append(f"| {' | '.join([row['data'], row['method'], *cells, cpu])} |")
    return lines


def main() -> None:
    given = read_arguments()
    if not given.methods and not given.results:
        raise InputError("nothing to evaluate. Give METHODS or RESULTS.")
    border_px = find_border(given.data.resolve()) if given.border is None else given.border
    rows: list[dict[str, Any]] = []

    def keep(recording: Recording, method: str, result: Result) -> None:
        scores = score_result(recording, result, border_px=border_px)
        rows.append(
            {"data": recording.name, "method": method, "border_px": border_px}
            | {"cpu_s": result.cpu_s}
            | scores
        )
        table = pd.DataFrame(rows)
        given.out.mkdir(parents=True, exist_ok=True)
        write_table(given.out / "evaluation.csv", table)
        with write_beside(given.out / "evaluation.md") as partial:
            partial.write_text(format_page(table, border_px), encoding="utf-8")

    for recording in choose_recordings(read_recordings(given.data), given.only):
        for folder in given.results:
            keep(recording, folder.name, read_result(folder, recording))
        work = given.out / recording.name
        for name, run in list_methods(recording, work, given.masks, given.cores):
            if name in given.methods:
                keep(recording, name, run())
    print((given.out / "evaluation.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"ERROR {error}")

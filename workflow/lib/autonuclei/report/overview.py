"""What a finished run made, in a few lines for the terminal."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from autonuclei.io.tables import read_table


def describe_results(results: Path, experiments: Sequence[str], missing: Sequence[str]) -> str:
    """Say for each experiment where its results are and, with a ground truth, how good.

    Parameters
    ----------
    results
        Their folder.
    experiments
    missing
        Results that are not there, as in `tabulate_unfinished`.
    """
    unfinished = {path.split("/")[0] for path in missing}
    finished = [name for name in experiments if name not in unfinished]
    lines = [line for name in finished for line in _describe(results / name)]
    lines += describe_unfinished(missing)
    return "\n".join(["", "Not everything is made." if missing else "Finished.", *lines])


def tabulate_unfinished(missing: Sequence[str]) -> pd.DataFrame:
    """Tabulate the results that are not there, a row each.

    Parameters
    ----------
    missing
        Their paths in the folder of the results, such as ``EXPERIMENT/tracking/SAMPLE/ctc``.

    Returns
    -------
    DataFrame
        `experiment`, `sample` (empty for results of a whole experiment) and `file`.
    """
    rows = []
    for path in missing:
        experiment, part, *rest = path.split("/")
        sample = rest[0] if part in ("segmentation", "tracking") and len(rest) > 1 else ""
        rows.append((experiment, sample, path))
    return pd.DataFrame(rows, columns=["experiment", "sample", "file"], dtype=str)


def describe_unfinished(missing: Sequence[str]) -> list[str]:
    """Name the experiments and samples of the results that are not there, and count these."""
    lines = []
    for experiment, rows in tabulate_unfinished(missing).groupby("experiment", sort=False):
        counts = rows["sample"].value_counts(sort=False)
        said = [f"{n} of sample {sample}" for sample, n in counts.items() if sample]
        said += [f"{n} of all samples together" for sample, n in counts.items() if not sample]
        lines.append(f"{experiment}: {len(rows)} result(s) are missing: {', '.join(said)}")
    return lines


def _describe(folder: Path) -> list[str]:
    lines = [f"{folder.name}: {folder}/"]
    for path in sorted(folder.glob("segmentation/*/objects.csv")):
        masks = "labels.tif" if path.with_name("labels.tif").exists() else "labels/"
        place = f"segmentation/{path.parent.name}/{masks}"
        lines.append(f"  {len(read_table(path))} nuclei in {place}, objects.csv")
    for path in sorted(folder.glob("tracking/*/lineages.csv")):
        daughters = read_table(path)["daughters"]
        lines.append(
            f"  {len(daughters)} tracks, {(daughters > 0).sum()} divisions in "
            f"tracking/{path.parent.name}/ (TrackMate file, tables, figures, films)"
        )
    if (folder / "model").is_dir():
        lines.append("  StarDist model in model/, its training in training/")
    summary = folder / "evaluation/summary.csv"
    if summary.is_file():
        lines += _describe_metrics(read_table(summary))
    for path in sorted(folder.glob("evaluation/tracks_*.csv")):
        score = read_table(path).iloc[0]
        lines.append(
            f"  tracks against the truth: TRA {_show(score['TRA'])}, LNK {_show(score['LNK'])}, "
            f"division F1 {_show(score['division_f1_1'])} ({path.name})"
        )
    verdict = folder / "quality/verdict.json"
    if verdict.is_file():
        lines.append(f"  quality: {json.loads(verdict.read_text())['sentence']} (quality/)")
    return [*lines, "  versions, settings and checksums in provenance/"]


def _describe_metrics(table: pd.DataFrame) -> list[str]:
    return [
        f"  {row.stage}: F1 {_show(row.f1)} at IoU {row.iou:g}, mean IoU of true nuclei "
        f"{_show(row.mean_iou_true)} ({row.n_images} image(s) with ground truth; evaluation/)"
        for row in table[table["iou"] == table["iou"].min()].itertuples()
    ]


def _show(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3f}"

"""What a finished run made, in a few lines for the terminal."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from autonuclei.labels.measurement import Table, read_table


def format_number(value: float | int | str | None) -> str:
    """A number for people: three digits, thousands apart, "undefined" for NaN and None."""
    if value is None or isinstance(value, str):
        return value or "undefined"
    if math.isnan(value):
        return "undefined"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def describe_results(results: Path, experiments: Sequence[str]) -> str:
    """Say for each experiment where its results are and, with a ground truth, how good."""
    lines = []
    for experiment in experiments:
        folder = results / experiment
        lines.append(f"{experiment}: {folder}/")
        for table in sorted(folder.glob("segmentation/*/objects.csv")):
            n = len(read_table(table)["label"])
            masks = "labels.tif" if (table.parent / "labels.tif").exists() else "labels/"
            lines.append(f"  {n} nuclei in segmentation/{table.parent.name}/{masks}, objects.csv")
        for table in sorted(folder.glob("tracking/*/lineages.csv")):
            daughters = read_table(table)["daughters"]
            lines.append(
                f"  {len(daughters)} tracks, {int((daughters > 0).sum())} divisions in "
                f"tracking/{table.parent.name}/ (TrackMate file, tables, figures, films)"
            )
        if (folder / "model").is_dir():
            lines.append("  StarDist model in model/, its training in training/")
        summary = folder / "evaluation/summary.csv"
        if summary.is_file():
            lines += _describe_metrics(read_table(summary))
        for table in sorted(folder.glob("evaluation/tracks_*.csv")):
            score = {name: values[0] for name, values in read_table(table).items()}
            lines.append(
                f"  tracks against the truth: TRA {score['TRA']:.3f}, LNK {score['LNK']:.3f}, "
                f"division F1 {score['division_f1_1']:.3f} ({table.name})"
            )
        verdict = folder / "quality/verdict.json"
        if verdict.is_file():
            lines.append(f"  quality: {json.loads(verdict.read_text())['sentence']} (quality/)")
        lines.append("  versions, settings and checksums in provenance/")
    return "\n".join(lines)


def _describe_metrics(table: Table) -> list[str]:
    lines = []
    for stage, n, iou, f1, mean in zip(
        *(table[name] for name in ("stage", "n_images", "iou", "f1", "mean_iou_true")), strict=True
    ):
        if iou == min(table["iou"]):
            lines.append(
                f"  {stage}: F1 {f1:.3f} at IoU {iou:g}, mean IoU of true nuclei {mean:.3f} "
                f"({n} image(s) with ground truth; evaluation/)"
            )
    return lines

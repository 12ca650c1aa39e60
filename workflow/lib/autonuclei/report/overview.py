"""What a finished run made, in a few lines for the terminal."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from autonuclei.io.tables import read_table


def describe_results(results: Path, experiments: Sequence[str]) -> str:
    """Say for each experiment where its results are and, with a ground truth, how good."""
    return "\n".join(line for name in experiments for line in _describe(results / name))


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
            f"  tracks against the truth: TRA {score['TRA']:.3f}, LNK {score['LNK']:.3f}, "
            f"division F1 {score['division_f1_1']:.3f} ({path.name})"
        )
    verdict = folder / "quality/verdict.json"
    if verdict.is_file():
        lines.append(f"  quality: {json.loads(verdict.read_text())['sentence']} (quality/)")
    return [*lines, "  versions, settings and checksums in provenance/"]


def _describe_metrics(table: pd.DataFrame) -> list[str]:
    return [
        f"  {row.stage}: F1 {row.f1:.3f} at IoU {row.iou:g}, mean IoU of true nuclei "
        f"{row.mean_iou_true:.3f} ({row.n_images} image(s) with ground truth; evaluation/)"
        for row in table[table["iou"] == table["iou"].min()].itertuples()
    ]

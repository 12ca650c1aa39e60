"""What one experiment gave: its tables, verdict and files, for the page that is read first.

Only files that this run planned are looked at: what an earlier run with other settings left in
the folder is not told.
"""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from autonuclei.io.files import read_json
from autonuclei.io.tables import add_sample_columns, read_table, write_table
from autonuclei.report.style import UNIT_LABELS, name_measure
from autonuclei.segment.planes import TEXT_COLUMNS

NAN = float("nan")
Rows = list[dict[str, Any]]
# The longest ways that links were allowed.
_DISTANCES = ("max_link_distance", "max_division_distance", "max_gap_distance")


@dataclass(frozen=True)
class Experiment:
    """The results of an experiment that this run planned.

    Attributes
    ----------
    folder
        Its folder in the results.
    planned
        Paths of files and folders relative to it.
    sizes
        The distinct (height, width) of the images of each sample.
    inputs, remarks
        What was read of each sample, in words, and lines on single ones.
    columns
        What the sheet says of each sample beside its images.
    """

    folder: Path
    planned: frozenset[str]
    sizes: Mapping[str, Collection[tuple[int, int]]]
    inputs: Sequence[Mapping[str, str]]
    remarks: Sequence[str]
    columns: Mapping[str, Mapping[str, str]]

    @cached_property
    def files(self) -> list[str]:
        """Planned files and folders, and the files in planned folders."""
        inside = {
            f"{name}/{path.name}" for name in self.planned for path in self.folder.glob(f"{name}/*")
        }
        return sorted(self.planned | inside)

    def find(self, pattern: str) -> list[str]:
        """The files that fit a pattern, in which a star stands for one part of a path."""
        depth = pattern.count("/")
        return [n for n in self.files if fnmatchcase(n, pattern) and n.count("/") == depth]

    @cached_property
    def record(self) -> dict[str, Any]:
        """The provenance."""
        return self._read_json("provenance/provenance.json")

    @cached_property
    def verdict(self) -> dict[str, Any] | None:
        """The verdict on the quality; None if this run judges none."""
        name = "quality/verdict.json"
        return self._read_json(name) if name in self.planned else None

    @cached_property
    def judged(self) -> dict[str, dict[str, Any]]:
        """What the verdict says of each sample; nothing if this run judges none."""
        samples = [] if self.verdict is None else self.verdict["samples"]
        return {sample["sample"]: sample for sample in samples}

    @cached_property
    def samples(self) -> Rows:
        """What went into each sample and what came out of it, a row each; NaN: does not apply."""
        return [self._describe_sample(sample) for sample in self.record["samples"]]

    @cached_property
    def copies(self) -> list[str]:
        """Lines on samples with the pixels of another one, in files of other names."""
        first: dict[str, tuple[str, str]] = {}
        counts: Counter[tuple[str, str]] = Counter()
        for name in self.find("segmentation/*/planes.csv"):
            sample = Path(name).parent.name
            planes = read_table(self.folder / name, text=TEXT_COLUMNS)
            # Images of one value are alike without being copies.
            planes = planes[planes["minimum"] < planes["maximum"]]
            for digest, file in zip(planes["sha256"], planes["file"], strict=True):
                other, other_file = first.setdefault(digest, (sample, file))
                counts[sample, other] += other != sample and other_file != file
        return [
            f"{sample}: {n} image(s) have the pixels of images of {other}, to the last bit: their "
            "nuclei count twice. Take one of them out of the sample sheet."
            for (sample, other), n in counts.items()
            if n
        ]

    @cached_property
    def metrics(self) -> Rows:
        """The pooled metrics of annotation and segmentation at the lowest IoU threshold."""
        return _list_rows(_take_lowest(self._read("evaluation/summary.csv")))

    @cached_property
    def image_metrics(self) -> Rows:
        """The metrics of each segmented image with a ground truth, at the lowest IoU threshold.

        `was_learned` says whether the network learned from the image: it knows it, and not others.
        """
        rows = _list_rows(_take_lowest(self._read("evaluation/metrics.csv")))
        learned = {own["sample"]: own["training_frames"] for own in self.record["samples"]}
        return [
            row | {"was_learned": row["frame"] in learned.get(row["sample"], ())}
            for row in rows
            if row["stage"] == "segmentation"
        ]

    @cached_property
    def truth_doubts(self) -> list[str]:
        """Lines on a ground truth that cannot be that of its images."""
        if not self.image_metrics:
            return []
        from autonuclei.evaluate.masks import doubt_truth

        return doubt_truth(pd.DataFrame(self.image_metrics))

    @cached_property
    def track_metrics(self) -> Rows:
        """The tracks against the true ones, a row per movie that has some."""
        return [
            {"sample": Path(name).stem.removeprefix("tracks_")} | row
            for name in self.find("evaluation/tracks_*.csv")
            for row in _list_rows(self._read(name))
        ]

    @cached_property
    def image_quality(self) -> Rows:
        """The indicators of quality of each image."""
        return _list_rows(self._read("quality/images.csv"))

    @cached_property
    def comparisons(self) -> Rows:
        """The conditions against the control, a row per measure and condition."""
        name = "conditions/comparisons.csv"
        if name not in self.files:
            return []
        table = read_table(self.folder / name, text=("measure", "control", "note"))
        return _list_rows(table.assign(words=[name_measure(own) for own in table["measure"]]))

    @cached_property
    def measures(self) -> list[str]:
        """The columns of the table of all samples, in their order."""
        name = "conditions/samples.csv"
        return list(map(str, read_table(self.folder / name))) if name in self.files else []

    @cached_property
    def corrections(self) -> Rows:
        """What was corrected: a row each for the nuclei, links and divisions of a sample."""
        return self._gather("corrections.csv")

    @cached_property
    def corrected_numbers(self) -> Rows:
        """Numbers of samples before and after they were corrected."""
        return self._gather("corrected_numbers.csv")

    @cached_property
    def correction_notes(self) -> Rows:
        """What users must know of their corrections: what was left out, what overlaps."""
        return self._gather("correction_notes.csv")

    def _gather(self, name: str) -> Rows:
        """The rows of a table of each sample that has it, with `sample`."""
        paths = self.find(f"segmentation/*/{name}")
        return [
            row | {"sample": path.split("/")[1]}
            for path in paths
            for row in _list_rows(self._read(path))
        ]

    def _read(self, name: str) -> pd.DataFrame:
        """A planned table; an empty one if it is not planned."""
        if name not in self.planned:
            return pd.DataFrame()
        return read_table(self.folder / name, text=("sample", "image", "weak"))

    def _read_json(self, name: str) -> dict[str, Any]:
        return read_json(self.folder / name)

    @cached_property
    def _counts(self) -> pd.DataFrame:
        return self._read("figures/counts.csv")

    def _describe_sample(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        name = sample["sample"]
        objects = self._read(f"segmentation/{name}/objects.csv")
        found_by = objects.get("found_by", pd.Series(dtype=str))
        sizes = sorted(self.sizes[name])
        row: dict[str, Any] = {
            "sample": name,
            "kind": sample["kind"],
            "n_images": sample["n_frames"],
            "size": f"{sizes[-1][1]} x {sizes[-1][0]}" + (" and smaller" if len(sizes) > 1 else ""),
            "pixel_size_um": _fill(sample["pixel_size_um"]),
            "frame_interval_min": _fill(sample["frame_interval_min"]),
            "n_training": len(sample["training_frames"]),
            "n_nuclei": len(objects),
            "nuclei_per_image": len(objects) / sample["n_frames"],
            "median_area_px": float(objects["area_px"].median()),
            "median_diameter_um": float(2 * np.sqrt(objects["area_um2"].median() / np.pi)),
            # Of movies whose nuclei are chosen by time (`track.choice`).
            "n_by_image": int((found_by == "image").sum()),
            "n_merged": int((found_by == "merge").sum()),
            # The number of nuclei of an image that was passed over is unknown.
            "n_failed": int(
                self._counts.loc[self._counts["sample"] == name, "predicted"].isna().sum()
            ),
            "n_tracks": NAN,
            "n_divisions": NAN,
            "median_speed": NAN,
            "speed_unit": "",
            **dict.fromkeys(_DISTANCES, NAN),
            "distance_unit": "",
            "verdict": "",
            "weak": "",
            "n_bad_images": NAN,
            "nuclei_per_image_without": NAN,
            "n_divisions_without": NAN,
            "median_speed_without": NAN,
        }
        bad: list[int] = []
        if name in self.judged:
            judged = self.judged[name]
            bad = judged["frames"]
            row |= {"verdict": judged["verdict"], "weak": judged["words"]}
            row["n_bad_images"] = len(bad)
        n_rest = sample["n_frames"] - len(bad)
        if name in self.judged and n_rest > 0:
            row["nuclei_per_image_without"] = float((~objects["frame"].isin(bad)).sum()) / n_rest
        tracks = f"tracking/{name}"
        if f"{tracks}/lineages.csv" in self.planned:
            daughters = self._read(f"{tracks}/lineages.csv")["daughters"]
            row |= {"n_tracks": len(daughters), "n_divisions": int((daughters > 0).sum())}
            steps = read_table(self.folder / tracks / "motility/steps.csv")
            column = next(name for name in map(str, steps) if name.startswith("speed_"))
            row["median_speed"] = float(steps[column].median())
            row["speed_unit"] = UNIT_LABELS[column.removeprefix("speed_")]
            if name in self.judged:
                # A step and a division need the frame before as well.
                before = steps["frame"] - steps["step_frames"]
                rests = steps["frame"].isin(bad) | before.isin(bad)
                row["median_speed_without"] = float(steps[column][~rests].median())
                born = read_table(self.folder / tracks / "motility/divisions.csv")["frame"]
                row["n_divisions_without"] = int((~(born.isin(bad) | (born - 1).isin(bad))).sum())
            # Links that the user corrected have no limit.
            used = self._read_json(f"{tracks}/linking.json")
            row |= {key: _fill(used.get(key)) for key in _DISTANCES}
            row["distance_unit"] = UNIT_LABELS[used["unit"]]
        return row


def write_samples(path: str | os.PathLike[str], experiment: Experiment) -> None:
    """Write what went in and came out as a table, a row per sample."""
    write_table(path, add_sample_columns(pd.DataFrame(experiment.samples), experiment.columns))


def _list_rows(table: pd.DataFrame) -> Rows:
    return cast(Rows, table.to_dict("records"))


def _take_lowest(table: pd.DataFrame) -> pd.DataFrame:
    return table if table.empty else table[table["iou"] == table["iou"].min()]


def _fill(value: float | None) -> float:
    return NAN if value is None else value

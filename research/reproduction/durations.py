"""How long the jobs of the annotation took: from the files of `benchmark`, beside the logs."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

# Jobs of one image, in their order, by the names of their rules.
STEPS = (
    "preprocess_image",
    "threshold_image",
    "split_nuclei",
    "measure_objects",
    "select_nuclei",
    "compose_training_pair",
)


def read_seconds(path: Path) -> float:
    """Wall time of a job from the file that Snakemake's `benchmark` wrote, in s.

    NaN where there is none: the job ran before durations were recorded, or not at all.
    """
    if not path.is_file():
        return float("nan")
    rows = pd.read_csv(path, sep="\t")
    return float(rows["s"].iloc[-1]) if len(rows) else float("nan")


def sum_annotation(logs: Path, sample: str, frames: Iterable[int]) -> float:
    """Wall time of all annotation jobs of frames of a sample, in s; NaN where one is unknown.

    `logs` is the folder of the logs of the experiment.
    """
    folder = logs / "annotation" / sample
    return sum(
        read_seconds(folder / f"{frame:04d}" / f"{step}.tsv") for frame in frames for step in STEPS
    )

"""Memory and time that jobs ask for, as functions of the size of their images.

Each gives a function of wildcards and attempt, as Snakemake calls it; a job that failed gets half
as much again. docs/resources.md says where the numbers come from.
"""

import math
from collections.abc import Callable
from typing import Any

from autonuclei.plan.plan import Plan, Wildcards

Resource = Callable[[Wildcards, int], int]

# What Snakemake itself needs in a submitted job, which starts it twice, in MB.
SNAKEMAKE_MB = 400


def grow(need: float | Callable[[Wildcards], float]) -> Resource:
    """A resource of a job, half as much again with each attempt; `need` may ask the wildcards."""

    def resource(wildcards: Wildcards, attempt: int) -> int:
        value = need(wildcards) if callable(need) else need
        return math.ceil(value * (1 + 0.5 * (attempt - 1)))

    return resource


class Requests:
    """Requests of jobs on the frames and samples of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def frame_mb(self, base: float, per_megapixel: float) -> Resource:
        """Memory of a job on one frame, in MB."""
        return self._scale(SNAKEMAKE_MB + base, per_megapixel)

    def frame_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of a job on one frame, in minutes."""
        return self._scale(base, per_megapixel)

    def _scale(self, base: float, per_megapixel: float) -> Resource:
        known: dict[float, int] = {}  # images of one size need the same

        def resource(wildcards: Any, attempt: int) -> int:
            megapixels = self._plan.get_frame(wildcards).megapixels
            if megapixels not in known:
                known[megapixels] = math.floor(base + per_megapixel * megapixels)
            return math.ceil(known[megapixels] * (1 + 0.5 * (attempt - 1)))

        return resource

    def sample_mb(
        self, base: float, per_megapixel: float, per_sample_megapixel: float = 0
    ) -> Resource:
        """Memory of a job that goes through the frames of a sample, in MB.

        What grows with its largest frame, and what it keeps of all frames, tables of nuclei.
        """

        def need(wildcards: Wildcards) -> float:
            sample = self._plan.get_sample(wildcards)
            kept = per_sample_megapixel * sample.megapixels
            return SNAKEMAKE_MB + base + per_megapixel * sample.largest_megapixels + kept

        return grow(need)

    def sample_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of a job that goes through the frames of a sample, in minutes."""
        return grow(lambda w: base + per_megapixel * self._plan.get_sample(w).megapixels)

    def experiment_mb(self, base: float, per_sample_megapixel: float) -> Resource:
        """Memory of a job that keeps tables of all nuclei of an experiment, in MB."""

        def need(wildcards: Wildcards) -> float:
            samples = self._plan.list_samples(wildcards.experiment)
            kept = per_sample_megapixel * sum(sample.megapixels for sample in samples)
            return SNAKEMAKE_MB + base + kept

        return grow(need)

    def training_mb(self, base: float, per_megapixel: float) -> Resource:
        """Memory of a training, in MB."""

        def need(wildcards: Wildcards) -> float:
            places = self._plan.list_training(wildcards.experiment)
            return SNAKEMAKE_MB + base + per_megapixel * sum(f.megapixels for _, f in places)

        return grow(need)

    def truth_mb(self, base: float, per_megapixel: float) -> Resource:
        """Memory of a job that compares frames with their ground truth, in MB."""
        return grow(
            lambda w: SNAKEMAKE_MB + base + per_megapixel * max(self._list_truth_megapixels(w))
        )

    def truth_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of a job that compares frames with their ground truth, in minutes."""
        return grow(lambda w: base + per_megapixel * sum(self._list_truth_megapixels(w)))

    def _list_truth_megapixels(self, wildcards: Wildcards) -> list[float]:
        return [
            sample.frame(index).megapixels
            for sample in self._plan.list_samples(wildcards.experiment)
            for index in sample.truth
        ]

    def shown_mb(self, base: float, per_megapixel: float) -> Resource:
        """Memory of a figure of the frame that stands for the annotation, in MB."""

        def need(wildcards: Wildcards) -> float:
            place = self._plan.get_shown(wildcards.experiment)
            return base + per_megapixel * (place[1].megapixels if place else 0)

        return grow(need)

    def stretch_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of a prediction, in minutes."""
        return grow(
            lambda w: base + per_megapixel * sum(f.megapixels for f in self._plan.get_stretch(w))
        )

    def prediction_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """Memory of the prediction of a stretch, in MB."""
        return self._predict_mb(self._plan.get_stretch(wildcards), attempt)

    def criterion_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """Memory of the prediction of the frames on which rounds are compared, in MB."""
        places = self._plan.list_criterion(wildcards.experiment)
        return self._predict_mb([frame for _, frame in places], attempt)

    def _predict_mb(self, frames: Any, attempt: int) -> int:
        from autonuclei.segment.memory import LARGEST_TILE, estimate_memory

        largest = max(frame.megapixels for frame in frames)
        need = SNAKEMAKE_MB + estimate_memory(largest, min(largest, LARGEST_TILE))
        return math.ceil(need * (1 + 0.5 * (attempt - 1)))

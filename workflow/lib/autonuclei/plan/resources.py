"""Memory and time that jobs ask for, as functions of the size of their images.

Each gives a function of wildcards and attempt, as Snakemake calls it; a job that failed gets half
as much again. docs/resources.md says where the numbers come from.
"""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import LARGEST_PIECE_PX, ImageHeader
from autonuclei.plan.plan import Plan, Wildcards
from autonuclei.plan.samples import Frame
from autonuclei.segment.memory import (
    LARGEST_PART,
    LARGEST_TILE,
    ONNX_MB,
    TENSORFLOW_MB,
    estimate_memory,
)
from autonuclei.train.networks import has_gpu, read_scale

Resource = Callable[[Wildcards, int], int]

# What Snakemake itself needs in a submitted job, which starts it twice, in MB.
SNAKEMAKE_MB = 400
# Of drawing a large frame: a base, and per megapixel of a block.
DRAWING_MB, DRAWING_BLOCK_MB = 300, 85


def grow(need: float | Callable[[Wildcards], float]) -> Resource:
    """A resource of a job, half as much again with each attempt; `need` may ask the wildcards."""

    def resource(wildcards: Wildcards, attempt: int) -> int:
        value = need(wildcards) if callable(need) else need
        return math.ceil(value * (1 + 0.5 * (attempt - 1)))

    return resource


def _need_of_frame(megapixels: float, per_megapixel: float, beyond: float | None) -> float:
    in_one = min(megapixels, LARGEST_PIECE_PX / 1e6)
    rest = per_megapixel if beyond is None else beyond
    return per_megapixel * in_one + rest * (megapixels - in_one)


def _count_bytes(header: ImageHeader | None) -> int:
    """Bytes of a pixel; those of most cameras where the image could not be read."""
    if header is None or not header.dtype:
        return 2
    return np.dtype(header.dtype).itemsize * (3 if header.is_rgb else 1)


class Requests:
    """Requests of jobs on the frames and samples of a plan.

    Megapixels are those that a job works on: of the frames as they are read, or after
    `preprocess.scale` in the annotation.

    Parameters
    ----------
    plan
    is_submitted
        Tells whether jobs are sent to a cluster, each with a Snakemake of its own. It is asked
        when a request is made.
    """

    def __init__(self, plan: Plan, is_submitted: Callable[[], bool] = lambda: False) -> None:
        self._plan = plan
        self._is_submitted = is_submitted
        self._scale = plan.settings.preprocess.scale

    def _ask(self, need: float | Callable[[Wildcards], float]) -> Resource:
        """Memory of a job, with that of Snakemake where it starts one."""

        def need_in_all(wildcards: Wildcards) -> float:
            own = need(wildcards) if callable(need) else need
            return own + SNAKEMAKE_MB * self._is_submitted()

        return grow(need_in_all)

    def _count_annotated(self, frame: Frame) -> float:
        return frame.megapixels * self._scale**2

    def job_mb(self, need: float) -> Resource:
        """Memory of a job that depends on no image, in MB."""
        return self._ask(need)

    def frame_mb(self, base: float, per_megapixel: float) -> Resource:
        """Memory of a step of the annotation of a frame, in MB."""
        return self._ask(
            lambda w: base + per_megapixel * self._count_annotated(self._plan.get_frame(w))
        )

    def preprocessing_mb(self, base: float, per_megabyte: float, *, rescaling: float) -> Resource:
        """Memory of the preprocessing of a frame, in MB.

        What each megabyte of its pixels adds as they are stored, of a colour image of all colours;
        `rescaling` is what each megapixel adds, before and after, where frames are rescaled.
        """

        def need(wildcards: Wildcards) -> float:
            frame = self._plan.get_frame(wildcards)
            if self._scale == 1:
                header = self._plan.get_sample(wildcards).header
                return base + per_megabyte * frame.megapixels * _count_bytes(header)
            return base + rescaling * (frame.megapixels + self._count_annotated(frame))

        return self._ask(need)

    def frame_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of the annotation of a frame, in minutes."""
        return grow(
            lambda w: math.floor(
                base + per_megapixel * self._count_annotated(self._plan.get_frame(w))
            )
        )

    def sample_mb(
        self,
        base: float,
        per_megapixel: float,
        per_sample_megapixel: float = 0,
        *,
        beyond: float | None = None,
    ) -> Resource:
        """Memory of a job that goes through the frames of a sample, in MB.

        What grows with its largest frame, and what it keeps of all frames, tables of nuclei.
        `beyond` is for jobs that go through large frames part by part: what a megapixel adds
        beyond the size that is still taken in one piece.
        """

        def need(wildcards: Wildcards) -> float:
            sample = self._plan.get_sample(wildcards)
            kept = per_sample_megapixel * sample.megapixels
            return base + _need_of_frame(sample.largest_megapixels, per_megapixel, beyond) + kept

        return self._ask(need)

    def sample_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of a job that goes through the frames of a sample, in minutes."""
        return grow(lambda w: base + per_megapixel * self._plan.get_sample(w).megapixels)

    def experiment_mb(self, base: float, per_sample_megapixel: float) -> Resource:
        """Memory of a job that keeps tables of all nuclei of an experiment, in MB."""

        def need(wildcards: Wildcards) -> float:
            samples = self._plan.list_samples(wildcards.experiment)
            return base + per_sample_megapixel * sum(sample.megapixels for sample in samples)

        return self._ask(need)

    def objects_mb(self, base: float, per_megapixel: float) -> Resource:
        """Memory of a job that keeps tables of all annotated objects, in MB."""

        def need(wildcards: Wildcards) -> float:
            places = self._plan.list_annotated(wildcards.experiment)
            return base + per_megapixel * sum(self._count_annotated(f) for _, f in places)

        return self._ask(need)

    def training_mb(self, base: float, per_megapixel: float, *, on_gpu: float) -> Resource:
        """Memory of a training, in MB; `on_gpu` is what the libraries of a GPU add."""

        def need(wildcards: Wildcards) -> float:
            places = self._plan.list_training(wildcards.experiment)
            kept = per_megapixel * sum(self._count_annotated(f) for _, f in places)
            return base + kept + on_gpu * self._may_use_gpu()

        return self._ask(need)

    def _may_use_gpu(self) -> bool:
        """Whether TensorFlow may find a GPU; a node to which a job is sent may have one."""
        device = self._plan.settings.train.device
        return device == "gpu" or (device == "auto" and (self._is_submitted() or has_gpu()))

    def truth_mb(
        self, base: float, per_megapixel: float, *, beyond: float | None = None
    ) -> Resource:
        """Memory of a job that compares frames with their ground truth, in MB.

        `beyond` as of `sample_mb`.
        """

        def need(wildcards: Wildcards) -> float:
            largest = max(1, self._scale**2) * max(self._list_truth(wildcards))
            return base + _need_of_frame(largest, per_megapixel, beyond)

        return self._ask(need)

    def truth_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of a job that compares frames with their ground truth, in minutes."""
        return grow(lambda w: base + per_megapixel * sum(self._list_truth(w)))

    def _list_truth(self, wildcards: Wildcards) -> list[float]:
        """Megapixels of the frames with a ground truth."""
        return [
            sample.frame(index).megapixels
            for sample in self._plan.list_samples(wildcards.experiment)
            for index in sample.truth
        ]

    def true_tracks_mb(
        self, base: float, per_megapixel: float, per_sample_megapixel: float
    ) -> Resource:
        """Memory of a job that reads true tracks, whole frames also where a part is used, in MB."""

        def need(wildcards: Wildcards) -> float:
            sample = self._plan.get_sample(wildcards)
            read = sample.largest_megapixels
            if sample.shape and sample.truth_tracks_window:
                read = math.prod(sample.shape) / 1e6
            return base + per_megapixel * read + per_sample_megapixel * sample.megapixels

        return self._ask(need)

    def shown_mb(self, base: float, per_megapixel: float) -> Resource:
        """Memory of a figure of the frame that stands for the annotation, in MB."""

        def need(wildcards: Wildcards) -> float:
            place = self._plan.get_shown(wildcards.experiment)
            return base + per_megapixel * (self._count_annotated(place[1]) if place else 0)

        return self._ask(need)

    def stretch_min(self, base: float, per_megapixel: float) -> Resource:
        """Time limit of a prediction, in minutes."""
        return grow(
            lambda w: base + per_megapixel * sum(f.megapixels for f in self._plan.get_stretch(w))
        )

    def prediction_mb(self, wildcards: Wildcards, input: Any, attempt: int) -> int:
        """Memory of the prediction of a stretch, or of drawing a large frame, in MB."""
        frames = self._plan.get_stretch(wildcards)
        if self._plan.is_large(frames[0]):
            largest = self._find_largest_block(frames[0])
            return self._ask(DRAWING_MB + DRAWING_BLOCK_MB * largest)(wildcards, attempt)
        largest = max(frame.megapixels for frame in frames)
        need = self._predict(largest, input.model, scale=self._scale)
        return self._ask(need)(wildcards, attempt)

    def polygons_mb(self, wildcards: Wildcards, input: Any, attempt: int) -> int:
        """Memory of the prediction of a block of a large frame, in MB."""
        largest = self._find_largest_block(self._plan.get_frame(wildcards))
        need = self._predict(largest, input.model, scale=self._scale, most_seen=LARGEST_PART)
        return self._ask(need)(wildcards, attempt)

    def _find_largest_block(self, frame: Frame) -> float:
        """Megapixels of the largest block of a frame."""
        blocks = self._plan.list_blocks(frame)
        return max(block.shape[0] * block.shape[1] for block in blocks) / 1e6

    def criterion_mb(self, wildcards: Wildcards, input: Any, attempt: int) -> int:
        """Memory of the prediction of the frames on which rounds are compared, in MB."""
        places = self._plan.list_criterion(wildcards.experiment)
        largest = max(self._count_annotated(frame) for _, frame in places)
        return self._ask(self._predict(largest, input.model))(wildcards, attempt)

    def _predict(
        self, megapixels: float, model: str, *, scale: float = 1, most_seen: float = math.inf
    ) -> float:
        """Memory of the prediction of an image that is rescaled before the network does it.

        The network sees at most so many megapixels at a time. Snakemake asks when it plans, before
        there is a model, and again when the job begins.
        """
        with contextlib.suppress(InputError):  # which the job tells
            scale *= read_scale(model)
        seen = min(most_seen, megapixels * scale**2)
        base = TENSORFLOW_MB if self._may_use_gpu() else ONNX_MB
        return estimate_memory(base, megapixels, seen, min(seen, LARGEST_TILE))

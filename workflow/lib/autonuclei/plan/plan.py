"""What the sample sheet and the settings mean for the jobs: which frames, which files.

The rules hold the templates of paths and call this; wildcards are anything with the attributes
`experiment`, `sample`, `frame`, `block`, `first`, `last` and `round`, all text, as far as a rule
has them.
"""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autonuclei.errors import InputError
from autonuclei.io.files import stamp_files
from autonuclei.io.formats.base import Window, move_window
from autonuclei.io.tables import FREE_COLUMNS
from autonuclei.labels.blocks import Block, is_large, list_blocks
from autonuclei.labels.channel_names import name_channels
from autonuclei.plan.channels import Channel, find_channel
from autonuclei.plan.fields import Place, choose_fields, list_field_blocks, list_fields
from autonuclei.plan.samples import Frame, Sample
from autonuclei.settings import Settings

Wildcards = Any
InputFunction = Callable[[Wildcards], Any]

# Frames of a sample that are annotated only to compare the annotation with a ground truth.
COMPARED_FRAMES = 8
# Frames on which the networks of several rounds of self-training are compared.
CRITERION_FRAMES = 10
# Frames from which the scale of a given model is found.
FITTED_FRAMES = 3
# Images of at least this size get a figure with all their nuclei.
MOSAIC_MEGAPIXELS = 16


class Plan:
    """All that is to be made, from the settings and the samples.

    Parameters
    ----------
    settings
        As `settings.read_settings` gives them.
    samples
        As `samples.read_samples` gives them.

    Raises
    ------
    InputError
        An experiment has nothing to learn from, `models` names one that is not in the sheet or
        needs none, or a correction lies where its run would write over it; all problems are told
        at once.
    """

    def __init__(self, settings: Settings, samples: Iterable[Sample]) -> None:
        self.settings = settings
        self._samples = {(sample.experiment, sample.name): sample for sample in samples}
        self._of_experiment: dict[str, list[Sample]] = {}
        for sample in self._samples.values():
            self._of_experiment.setdefault(sample.experiment, []).append(sample)
        self.experiments = list(self._of_experiment)
        problems = self._list_problems()
        if problems:
            listed = "\n".join(f"  - {problem}" for problem in problems)
            raise InputError(f"{settings.samples}: {len(problems)} problem(s):\n{listed}")

    def _list_problems(self) -> list[str]:
        problems = [
            f"models: there is no experiment '{experiment}' in the sample sheet."
            for experiment in self.settings.models
            if experiment not in self.experiments
        ]
        problems += [
            f"models: experiment '{experiment}' needs no model, all its samples have 'labels'. "
            "Take it out."
            for experiment in self.settings.models
            if experiment in self.experiments and not self._is_predicted(experiment)
        ]
        problems += [
            f"experiment '{experiment}': no frame is selected for training. Fill in the column "
            "'train', or name a model from before under 'models' in the configuration."
            for experiment in self.experiments
            if self.has_training(experiment) and not self.list_training(experiment)
        ]
        problems += [*self._list_channel_problems(), *self._list_control_problems()]
        results = Path(self.settings.pathvars.get("results", "results")).resolve()
        problems += [
            f"corrected: {sample.corrected.path} lies in the results, where this run would write "
            "over it. Copy it to another folder."
            for sample in self._samples.values()
            if sample.corrected is not None
            and any(Path(file).resolve().is_relative_to(results) for file in sample.corrected.files)
        ]
        return problems

    def _list_channel_problems(self) -> Iterator[str]:
        wanted = self.settings.channels.measure
        for name in wanted if isinstance(wanted, tuple) else ():
            samples = self._samples.values()
            if all(find_channel(sample.channels, name) is None for sample in samples):
                there = {c.name or str(i) for s in samples for i, c in enumerate(s.channels, 1)}
                yield (
                    f"channels.measure: no image has the channel '{name}', only "
                    f"{', '.join(sorted(there))}."
                )
        width = self.settings.channels.ring_um
        if width is None:
            return
        for sample in self._samples.values():
            if not self.list_measured(sample):
                continue
            sizes = [frame.pixel_size_um for frame in sample.frames if frame.height]
            known = [size for size in sizes if size is not None]
            if len(known) < len(sizes):
                yield (
                    f"channels.ring_um: the pixel size of sample '{sample.name}' is unknown. Give "
                    "it in the column 'pixel_size_um', or the width as channels.ring_px."
                )
            elif (coarsest := max(known)) > width:
                yield (
                    f"channels.ring_um: {width:g} um are less than a pixel of sample "
                    f"'{sample.name}' ({coarsest:g} um). Give a wider ring."
                )

    def _list_control_problems(self) -> Iterator[str]:
        control = self.settings.conditions.control
        for experiment in self.experiments if control is not None else ():
            known = self.list_conditions(experiment)
            if known and control not in known:
                yield (
                    f"conditions.control: experiment '{experiment}' has no condition "
                    f"'{control}', only {', '.join(known)}."
                )

    # Samples and frames

    def list_samples(self, experiment: str) -> list[Sample]:
        """The samples of an experiment, in the order of the sheet."""
        return self._of_experiment[experiment]

    def get_sample(self, wildcards: Wildcards) -> Sample:
        """The sample of a job."""
        return self._samples[wildcards.experiment, wildcards.sample]

    def get_frame(self, wildcards: Wildcards) -> Frame:
        """The frame of a job, or the block of a large one."""
        number, _, block = wildcards.frame.partition("_")
        frame = self.get_sample(wildcards).frame(int(number))
        return list_fields(frame, self._block_px)[int(block)] if block else frame

    def get_shape(self, wildcards: Wildcards) -> tuple[int, int] | None:
        """Height and width in px of the frames of a movie, as they are used; None for stills."""
        sample = self.get_sample(wildcards)
        return sample.frames[0].shape if sample.kind == "movie" else None

    @property
    def _block_px(self) -> int:
        return self.settings.preprocess.block_px

    def has_training(self, experiment: str) -> bool:
        """Whether a network is trained: not where one from before is used, or none at all.

        None is needed where all samples have finished label images, and none is learned from.
        """
        is_wanted = any(sample.train for sample in self.list_samples(experiment))
        return experiment not in self.settings.models and (
            is_wanted or self._is_predicted(experiment)
        )

    def _is_predicted(self, experiment: str) -> bool:
        """Whether a network finds the nuclei of any sample."""
        return not all(sample.labels for sample in self.list_samples(experiment))

    def has_truth(self, experiment: str) -> bool:
        """Whether the sheet names masks to compare with."""
        return any(sample.truth for sample in self.list_samples(experiment))

    def list_measured(self, sample: Sample) -> dict[str, Channel]:
        """The channels of a sample that are measured, by the beginning of their columns."""
        names = name_channels([channel.name for channel in sample.channels])
        known = dict(zip(names, sample.channels, strict=True))
        wanted = self.settings.channels.measure
        if isinstance(wanted, str):
            return known if wanted == "all" and len(known) > 1 else {}
        places = {find_channel(sample.channels, name) for name in wanted}
        return {name: channel for i, (name, channel) in enumerate(known.items()) if i in places}

    def list_conditions(self, experiment: str) -> list[str]:
        """The conditions of an experiment, in the order of the sheet."""
        named = (sample.columns.get("condition") for sample in self.list_samples(experiment))
        return list(dict.fromkeys(name for name in named if name))

    def has_conditions(self, experiment: str) -> bool:
        """Whether the sheet says anything of samples by which they can be compared."""
        return any(
            name in sample.columns
            for sample in self.list_samples(experiment)
            for name in ("condition", "replicate", "plate", "well")
        )

    def is_annotated(self, sample: Sample) -> bool:
        """Whether a sample is learned from without given masks, and so says what a nucleus is."""
        return bool(sample.train) and not sample.masks and self.has_training(sample.experiment)

    @functools.cache  # noqa: B019  there is one plan, and it stays
    def list_training(self, experiment: str) -> list[Place]:
        """Fields to learn from: of frames in `train`; where masks are given, that have one."""
        return self._choose_fields(
            (sample, sample.frame(index))
            for sample in self.list_samples(experiment)
            for index in (sample.masks or sample.train)
            if not sample.masks or not sample.train or index in sample.train
        )

    def _choose_fields(self, places: Iterable[Place], **more: Any) -> list[Place]:
        return choose_fields(list(places), self._block_px, **more)

    def list_checked(self, experiment: str) -> list[Place]:
        """Fields that a round of self-training annotates anew: those without given masks."""
        return [place for place in self.list_training(experiment) if self.is_annotated(place[0])]

    @functools.cache  # noqa: B019
    def list_annotated(self, experiment: str) -> list[Place]:
        """Fields to annotate: those to learn from, and some with a ground truth to compare with."""
        samples = self.list_samples(experiment)
        if not any(map(self.is_annotated, samples)):
            return []
        learned = [place for place in self.list_training(experiment) if not place[0].masks]
        known = {(sample.name, frame.index) for sample, frame in learned}
        compared = self._choose_fields(
            (sample, sample.frame(index))
            for sample in samples
            if not sample.masks and not sample.labels
            for index in spread(list(sample.truth), COMPARED_FRAMES)
            if (sample.name, index) not in known
        )
        of_sample: dict[str, list[Place]] = {sample.name: [] for sample in samples}
        for place in (*learned, *compared):
            of_sample[place[0].name].append(place)
        # Stable: blocks keep their order.
        return [
            place
            for places in of_sample.values()
            for place in sorted(places, key=lambda place: place[1].index)
        ]

    def list_annotated_of(self, sample: Sample) -> list[Frame]:
        """The fields of one sample that are annotated."""
        places = self.list_annotated(sample.experiment)
        return [field for other, field in places if other is sample]

    def list_compared(self, wildcards: Wildcards) -> list[Place]:
        """Fields of a sample in which network and annotation, or given masks, can be compared."""
        own = self.get_sample(wildcards)
        if own.labels or not self.has_training(own.experiment):
            return []
        find = self.list_training if own.masks else self.list_annotated
        return [place for place in find(own.experiment) if place[0] is own]

    def list_criterion(self, experiment: str) -> list[Place]:
        """Fields on which rounds are compared: not learned from, where there are such."""
        learned = {(sample.name, field.field) for sample, field in self.list_training(experiment)}
        others = self._choose_fields(
            self._list_segmented(experiment), most=CRITERION_FRAMES, without=learned
        )
        return spread(others or self.list_checked(experiment), CRITERION_FRAMES)

    def get_shown(self, experiment: str) -> Place | None:
        """The field that figures of the annotation show: the middle one of those learned from."""
        places = self.list_checked(experiment)
        return places[len(places) // 2] if places else None

    def get_mosaic(self, sample: Sample) -> Frame | None:
        """The first of the largest frames of a sample, if it is large enough for a mosaic."""
        largest = max(sample.frames, key=lambda frame: frame.megapixels)
        return largest if largest.megapixels >= MOSAIC_MEGAPIXELS else None

    # Stretches: neighbouring frames that one job predicts

    def list_stretches(self, sample: Sample, *, checked: bool = False) -> list[list[Frame]]:
        """The stretches of all frames of a sample, or of those that a round annotates anew."""
        return self._list_stretches(sample.experiment, sample.name, checked)

    @functools.cache  # noqa: B019
    def _list_stretches(self, experiment: str, name: str, checked: bool) -> list[list[Frame]]:
        sample = self._samples[experiment, name]
        frames: Sequence[Frame] = sample.frames
        if checked:
            frames = [frame for own, frame in self.list_checked(experiment) if own is sample]
        stretches: list[list[Frame]] = []
        size = float("inf")
        for frame in frames:
            # A large frame is a stretch of its own.
            own_size = float("inf") if self.is_large(frame) else frame.megapixels
            if size + own_size > self.settings.predict.megapixels_per_job:
                stretches.append([])
                size = 0.0
            stretches[-1].append(frame)
            size += own_size
        return stretches

    def is_large(self, frame: Frame) -> bool:
        """Whether a frame is worked on in blocks."""
        return is_large(frame.shape, self._block_px)

    def is_chosen(self, sample: Sample) -> bool:
        """Whether the nuclei of a sample are chosen from those of the network and others."""
        return (
            self.settings.predict.use_time
            and sample.kind == "movie"
            and not sample.labels
            and len(sample.frames) > 1
            and not any(map(self.is_large, sample.frames))
        )

    def list_blocks(self, frame: Frame) -> list[Block]:
        """The blocks in which the network looks at a large frame; of another one there are none."""
        return list_blocks(frame.shape, self._block_px) if self.is_large(frame) else []

    def get_block(self, wildcards: Wildcards) -> tuple[int, int, int, int]:
        """The block of a job: first row, end row, first column and end column in px."""
        return self.list_blocks(self.get_frame(wildcards))[int(wildcards.block)].window

    def get_stretch(self, wildcards: Wildcards) -> list[Frame]:
        """The frames of a job that predicts; in a round only those that it annotates anew."""
        checked = hasattr(wildcards, "round")
        for stretch in self.list_stretches(self.get_sample(wildcards), checked=checked):
            if stretch[0].field == wildcards.first:
                return stretch
        raise KeyError(f"{wildcards.experiment}/{wildcards.sample}: no stretch {wildcards.first}")

    def find_checked(self, wildcards: Wildcards) -> tuple[list[Frame], int]:
        """The stretch of a round that a frame is in, and its place in it."""
        for stretch in self.list_stretches(self.get_sample(wildcards), checked=True):
            names = [frame.field for frame in stretch]
            if wildcards.frame in names:
                return stretch, names.index(wildcards.frame)
        raise KeyError(f"{wildcards.experiment}/{wildcards.sample}: no frame {wildcards.frame}")

    # Input functions from templates of paths

    def for_frames(self, template: str, find: Callable[[str], list[Place]]) -> InputFunction:
        """A file for each frame of an experiment that e.g. `list_training` finds."""

        def files(wildcards: Wildcards) -> list[str]:
            return [
                _fill(template, wildcards, sample=sample.name, frame=frame.field)
                for sample, frame in find(wildcards.experiment)
            ]

        return files

    def for_compared(self, template: str, *, masks: str) -> InputFunction:
        """A file for each frame of `list_compared`; of another template where masks are given."""

        def files(wildcards: Wildcards) -> list[str]:
            return [
                _fill(masks if own.masks else template, wildcards, frame=frame.field)
                for own, frame in self.list_compared(wildcards)
            ]

        return files

    def for_shown(self, template: str) -> InputFunction:
        """The file of the frame that the figures of the annotation show."""

        def file(wildcards: Wildcards) -> str:
            place = self.get_shown(wildcards.experiment)
            if place is None:
                raise KeyError(f"{wildcards.experiment}: no frame is annotated")
            return _fill(template, wildcards, sample=place[0].name, frame=place[1].field)

        return file

    def for_stretches(
        self,
        template: str,
        *,
        given: str | None = None,
        chosen: str | None = None,
        corrected: str | None = None,
    ) -> InputFunction:
        """A file for each stretch of a sample.

        Of another template where its labels are given; the only file of a third one where they
        are chosen by time, and of a fourth where they were corrected.
        """

        def files(wildcards: Wildcards) -> list[str]:
            sample = self.get_sample(wildcards)
            if corrected and sample.corrected:
                return [_fill(corrected, wildcards)]
            if chosen and self.is_chosen(sample):
                return [_fill(chosen, wildcards)]
            return [
                _fill(
                    given if given and sample.labels else template,
                    wildcards,
                    first=stretch[0].field,
                    last=stretch[-1].field,
                )
                for stretch in self.list_stretches(sample)
            ]

        return files

    def if_large(self, template: str) -> InputFunction:
        """A file of a stretch that is one large frame, none of others."""

        def file(wildcards: Wildcards) -> str | list[str]:
            frame = self.get_stretch(wildcards)[0]
            is_large = self.is_large(frame)
            return _fill(template, wildcards, frame=f"{frame.index:04d}") if is_large else []

        return file

    def for_blocks(self, template: str) -> InputFunction:
        """A file for each block of a stretch that is one large frame, none of others."""

        def files(wildcards: Wildcards) -> list[str]:
            frame = self.get_stretch(wildcards)[0]
            return [
                _fill(template, wildcards, frame=f"{frame.index:04d}", block=f"{number:02d}")
                for number in range(len(self.list_blocks(frame)))
            ]

        return files

    def for_checked_stretch(self, template: str) -> InputFunction:
        """The file of the stretch that a frame which is annotated anew is in."""

        def file(wildcards: Wildcards) -> str:
            stretch, _ = self.find_checked(wildcards)
            first, last = stretch[0].field, stretch[-1].field
            return _fill(template, wildcards, first=first, last=last)

        return file

    def for_samples(self, template: str, *, stills: str | None = None) -> InputFunction:
        """A file for each sample of an experiment; of another template for stills if given."""

        def files(wildcards: Wildcards) -> list[str]:
            return [
                _fill(
                    stills if stills and sample.kind == "stills" else template,
                    wildcards,
                    sample=sample.name,
                )
                for sample in self.list_samples(wildcards.experiment)
            ]

        return files

    def by_kind(self, *, movie: str, stills: str) -> InputFunction:
        """One template for a movie, another for a set of stills."""

        def file(wildcards: Wildcards) -> str:
            is_movie = self.get_sample(wildcards).kind == "movie"
            return _fill(movie if is_movie else stills, wildcards)

        return file

    def for_kind(self, kind: str, template: str) -> InputFunction:
        """A file for each movie of an experiment, or for each set of stills."""

        def files(wildcards: Wildcards) -> list[str]:
            return [
                _fill(template, wildcards, sample=sample.name)
                for sample in self.list_samples(wildcards.experiment)
                if sample.kind == kind
            ]

        return files

    def for_measured(self, template: str) -> InputFunction:
        """A file for each sample of an experiment with channels to measure."""

        def files(wildcards: Wildcards) -> list[str]:
            return [
                _fill(template, wildcards, sample=sample.name)
                for sample in self.list_samples(wildcards.experiment)
                if self.list_measured(sample)
            ]

        return files

    def if_measured(self, template: str) -> InputFunction:
        """A file of samples with channels to measure, none of others."""

        def file(wildcards: Wildcards) -> str | list[str]:
            is_measured = self.list_measured(self.get_sample(wildcards))
            return _fill(template, wildcards) if is_measured else []

        return file

    def by_masks(self, template: str, *, masks: str) -> InputFunction:
        """One template for annotated samples, another where masks are given."""

        def file(wildcards: Wildcards) -> str:
            return _fill(masks if self.get_sample(wildcards).masks else template, wildcards)

        return file

    def if_linked(self, template: str) -> InputFunction:
        """A file of a sample whose corrections say which nuclei belong together, none of others."""

        def file(wildcards: Wildcards) -> str | list[str]:
            corrected = self.get_sample(wildcards).corrected
            return _fill(template, wildcards) if corrected and corrected.has_links else []

        return file

    def if_movie(self, template: str) -> InputFunction:
        """A file of a movie, none of stills."""

        def file(wildcards: Wildcards) -> str | list[str]:
            is_movie = self.get_sample(wildcards).kind == "movie"
            return _fill(template, wildcards) if is_movie else []

        return file

    def if_annotated(self, template: str) -> InputFunction:
        """A file of experiments in which something is annotated, none of others."""

        def file(wildcards: Wildcards) -> str | list[str]:
            return _fill(template, wildcards) if self.list_annotated(wildcards.experiment) else []

        return file

    # Rounds of self-training

    def count_rounds(self, experiment: str) -> int:
        """Rounds after the first training; none where all masks are given."""
        return self.settings.self_training.rounds if self.list_checked(experiment) else 0

    def for_rounds(self, template: str, *, first: int = 0, least: int = 1) -> InputFunction:
        """A file for each round from `first` on; none if there are fewer than `least` rounds."""

        def files(wildcards: Wildcards) -> list[str]:
            n = self.count_rounds(wildcards.experiment) + 1
            return [_fill(template, wildcards, round=k) for k in range(first, n) if n >= least]

        return files

    def for_earlier_rounds(self, template: str) -> InputFunction:
        """A file for each round before that of the job."""

        def files(wildcards: Wildcards) -> list[str]:
            return [_fill(template, wildcards, round=k) for k in range(int(wildcards.round))]

        return files

    def for_round_before(self, template: str, *, least: int = 0) -> InputFunction:
        """The file of the round before that of the job; none if that is less than `least`."""

        def file(wildcards: Wildcards) -> str | list[str]:
            before = int(wildcards.round) - 1
            return _fill(template, wildcards, round=before) if before >= least else []

        return file

    def if_later_round(self, template: str) -> InputFunction:
        """A file of a round of self-training; none of the first training."""

        def files(wildcards: Wildcards) -> list[str]:
            return [_fill(template, wildcards)] if int(wildcards.round) > 0 else []

        return files

    def for_training(self, template: str, *, checked: str) -> InputFunction:
        """A file for each frame that a round learns from.

        Frames that the round has annotated anew have a template of their own; the first training
        and frames with given masks take the other.
        """

        def files(wildcards: Wildcards) -> list[str]:
            is_later = int(wildcards.round) > 0
            return [
                _fill(
                    checked if is_later and self.is_annotated(sample) else template,
                    wildcards,
                    sample=sample.name,
                    frame=frame.field,
                )
                for sample, frame in self.list_training(wildcards.experiment)
            ]

        return files

    # Files from outside

    def list_frame_files(self, wildcards: Wildcards) -> list[str]:
        """The files of a frame: mostly one, more where z slices or a set are in several."""
        return list(self.get_frame(wildcards).files)

    def list_stretch_files(self, wildcards: Wildcards) -> list[str]:
        """The files of the frames of a stretch."""
        return _unique(path for frame in self.get_stretch(wildcards) for path in frame.files)

    def list_label_files(self, wildcards: Wildcards) -> list[str]:
        """The files of the given label images of a stretch."""
        labels = self.get_sample(wildcards).labels
        frames = self.get_stretch(wildcards)
        return _unique(path for frame in frames for path in labels[frame.index].files)

    def list_corrected_files(self, wildcards: Wildcards) -> list[str]:
        """The files of what the user corrected of a sample."""
        corrected = self.get_sample(wildcards).corrected
        return [] if corrected is None else list(corrected.files)

    def list_sample_files(self, wildcards: Wildcards) -> list[str]:
        """The files of all frames of a sample."""
        return self.get_sample(wildcards).files

    def list_channel_files(self, wildcards: Wildcards) -> list[str]:
        """The files of all channels of a sample that are measured."""
        return self._list_channel_files(self.get_sample(wildcards))

    def _list_channel_files(self, sample: Sample) -> list[str]:
        measured = self.list_measured(sample).values()
        others = [channel.files.values() for channel in measured if channel.files is not None]
        return _unique([*sample.files, *(path for files in others for path in files)])

    def list_last_files(self, wildcards: Wildcards) -> list[str]:
        """The files of the last frame of a movie."""
        return list(self.get_sample(wildcards).frames[-1].files)

    def list_raw_files(self, wildcards: Wildcards) -> list[str]:
        """All files of an experiment that the user gives."""
        files = []
        for sample in self.list_samples(wildcards.experiment):
            files += self._list_channel_files(sample)
            given = (sample.truth, sample.masks, sample.labels)
            for label in itertools.chain(*(images.values() for images in given)):
                files += label.files
            if sample.corrected:
                files += sample.corrected.files
        return _unique(files)

    def stamp_raw_files(self, wildcards: Wildcards) -> dict[str, str]:
        """Of each file of `list_raw_files` what `io.files.stamp_files` gives for it now."""
        stamps = {}
        for path in self.list_raw_files(wildcards):
            with contextlib.suppress(OSError):  # Snakemake says that an input is missing
                stamps[path] = stamp_files([path])
        return stamps

    def list_stamps(self, wildcards: Wildcards) -> list[dict[int, str]]:
        """Of each sample the stamp of the files of each frame, by frame number."""
        return [
            {frame.index: frame.stamp or "" for frame in sample.frames}
            for sample in self.list_samples(wildcards.experiment)
        ]

    def get_mask(self, wildcards: Wildcards) -> Frame:
        """The given label image of a frame."""
        return self.get_sample(wildcards).masks[self.get_frame(wildcards).index]

    def get_mask_window(self, wildcards: Wildcards) -> Window | None:
        """Which part of that label image is the frame or block of a job; None for all of it."""
        sample = self.get_sample(wildcards)
        return self._place_label(self.get_mask(wildcards), sample, self.get_frame(wildcards))

    def get_model(self, wildcards: Wildcards) -> str | list[str]:
        """The model folder of an experiment, trained here or fitted; none if it needs none."""
        if self.has_training(wildcards.experiment):
            return f"<results>/{wildcards.experiment}/model"
        is_given = wildcards.experiment in self.settings.models
        return f"<results>/{wildcards.experiment}/given_model" if is_given else []

    def get_given_model(self, wildcards: Wildcards) -> str:
        """The folder of a model from before, as the user gives it."""
        return self.settings.models[wildcards.experiment]

    def list_fitted_files(self, wildcards: Wildcards) -> list[str]:
        """The files of the frames from which the scale of a given model is found."""
        places = self._list_fitted(wildcards.experiment)
        return _unique(path for _, frame in places for path in frame.files)

    def describe_fitted(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """How these frames are read."""
        return [self._describe_plane(*place) for place in self._list_fitted(wildcards.experiment)]

    def _list_fitted(self, experiment: str) -> list[Place]:
        return spread(self._list_looked_at(experiment, FITTED_FRAMES), FITTED_FRAMES)

    def list_example_files(self, wildcards: Wildcards) -> list[str]:
        """The files of the frame on which exports of the network are checked."""
        return list(self._get_example(wildcards.experiment)[1].files)

    def _get_example(self, experiment: str) -> Place:
        """The middle one of the frames learned from, or of those that the network looks at."""
        places = self.list_training(experiment) or self._list_looked_at(experiment, 1)
        return places[len(places) // 2]

    def _list_looked_at(self, experiment: str, n_blocks: int) -> list[Place]:
        """The images that a network looks at; of large ones so many blocks, or one of each."""
        return self._choose_fields(self._list_segmented(experiment), most=n_blocks)

    def _list_segmented(self, experiment: str) -> Iterator[Place]:
        for sample in self.list_samples(experiment):
            if not sample.labels:
                yield from ((sample, frame) for frame in sample.frames if frame.height)

    # What scripts need to know beside their files

    def describe_plane(self, wildcards: Wildcards) -> dict[str, Any]:
        """How the frame of a job is read (keyword arguments of `io.images.read_plane`)."""
        return self._describe_plane(self.get_sample(wildcards), self.get_frame(wildcards))

    def _describe_plane(self, sample: Sample, frame: Frame) -> dict[str, Any]:
        return sample.describe_plane(frame) | {"skip_broken": self.settings.skip_unreadable}

    def describe_planes(self, wildcards: Wildcards) -> dict[int, dict[str, Any]]:
        """How each frame of a sample is read, by frame number."""
        sample = self.get_sample(wildcards)
        return {frame.index: self._describe_plane(sample, frame) for frame in sample.frames}

    def describe_channels(self, wildcards: Wildcards) -> dict[int, dict[str, dict[str, Any]]]:
        """How each measured channel of each frame is read, by frame number and channel.

        A channel whose file is missing is not among those of its frame.
        """
        sample = self.get_sample(wildcards)
        measured = self.list_measured(sample)
        skips = {"skip_broken": self.settings.skip_unreadable}
        return {
            frame.index: {
                name: plane | skips
                for name, channel in measured.items()
                if (plane := sample.describe_channel(frame, channel)) is not None
            }
            for frame in sample.frames
        }

    def list_channel_names(self, wildcards: Wildcards) -> list[str]:
        """The measured channels of a sample, as their columns begin."""
        return list(self.list_measured(self.get_sample(wildcards)))

    def get_ring_widths(self, wildcards: Wildcards) -> dict[int, float]:
        """Width in px of the ring around nuclei, by frame number."""
        channels = self.settings.channels
        return {
            frame.index: channels.ring_um / frame.pixel_size_um
            if channels.ring_um is not None and frame.pixel_size_um is not None
            else channels.ring_px
            for frame in self.get_sample(wildcards).frames
        }

    def describe_stretch(self, wildcards: Wildcards) -> dict[int, dict[str, Any]]:
        """How each frame of a stretch is read, by frame number."""
        sample = self.get_sample(wildcards)
        return {f.index: self._describe_plane(sample, f) for f in self.get_stretch(wildcards)}

    def describe_checked_stretch(self, wildcards: Wildcards) -> dict[int, dict[str, Any]]:
        """How each field of a stretch that a round annotates anew is read, by place in it."""
        sample = self.get_sample(wildcards)
        fields = self.get_stretch(wildcards)
        return {place: self._describe_plane(sample, own) for place, own in enumerate(fields)}

    def may_be_dark(self, wildcards: Wildcards) -> bool:
        """Whether images of a stretch may be dark: those of movies, and corners of a mosaic."""
        is_movie = self.get_sample(wildcards).kind == "movie"
        return is_movie or any(field.block is not None for field in self.get_stretch(wildcards))

    def describe_labels(self, wildcards: Wildcards) -> dict[int, dict[str, Any]]:
        """The given label image of each frame of a stretch, by frame number."""
        labels = self.get_sample(wildcards).labels
        return _describe_labels(
            {frame.index: labels[frame.index] for frame in self.get_stretch(wildcards)}
        )

    def describe_correction(self, wildcards: Wildcards) -> dict[str, Any]:
        """What the user corrected of a sample: kind, path, and of masks the label images."""
        sample = self.get_sample(wildcards)
        if sample.corrected is None:
            raise KeyError(f"{wildcards.sample}: nothing was corrected")
        return {
            "kind": sample.corrected.kind,
            "path": sample.corrected.path,
            "stamp": sample.corrected.stamp,
            "labels": _describe_labels(sample.corrected_labels),
        }

    def describe_example(self, wildcards: Wildcards) -> dict[str, Any]:
        """How the frame is read on which exports of the network are checked."""
        return self._describe_plane(*self._get_example(wildcards.experiment))

    def get_common_pixel_size(self, wildcards: Wildcards) -> float | None:
        """Micrometres per pixel of all images of an experiment; None if unknown or not one."""
        samples = self.list_samples(wildcards.experiment)
        sizes = {frame.pixel_size_um for own in samples for frame in own.frames if frame.height}
        return sizes.pop() if len(sizes) == 1 else None

    def describe_movie(self, wildcards: Wildcards) -> dict[str, Any]:
        """A movie: its planes, shape, number of frames, pixel size and interval."""
        sample = self.get_sample(wildcards)
        frame = sample.frames[0]
        return {
            "planes": self.describe_planes(wildcards),
            "shape": (frame.height, frame.width),
            "n_frames": sample.n_frames,
            "pixel_size_um": sample.pixel_size_um,
            "frame_interval_min": sample.frame_interval_min,
        }

    def get_pixel_sizes(self, wildcards: Wildcards) -> dict[int, float | None]:
        """Micrometres per pixel of each frame of a sample, by frame number; None if unknown."""
        frames = self.get_sample(wildcards).frames
        return {frame.index: frame.pixel_size_um for frame in frames}

    def get_columns(self, wildcards: Wildcards) -> dict[str, str]:
        """What the sheet says of a sample beside its images: plate, well, condition and so on.

        The names are those that any sample of the experiment has; empty where this one has none.
        """
        return self.get_sample_columns(wildcards)[wildcards.sample]

    def get_sample_columns(self, wildcards: Wildcards) -> dict[str, dict[str, str]]:
        """`get_columns` of each sample of an experiment."""
        return self._get_sample_columns(wildcards.experiment)

    @functools.cache  # noqa: B019
    def _get_sample_columns(self, experiment: str) -> dict[str, dict[str, str]]:
        samples = self.list_samples(experiment)
        names = [name for name in FREE_COLUMNS if any(name in own.columns for own in samples)]
        return {own.name: {name: own.columns.get(name, "") for name in names} for own in samples}

    def get_names(self, wildcards: Wildcards) -> dict[int, str]:
        """File names for the results of each frame of a sample, by frame number."""
        return {frame.index: frame.name for frame in self.get_sample(wildcards).frames}

    def list_cases(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Every frame with a ground truth, once per stage: what is compared with what."""
        cases = []
        for sample in self.list_samples(wildcards.experiment):
            annotated = self.list_annotated_of(sample)
            folder = f"<results>/{wildcards.experiment}"
            masks = "labels.tif" if sample.kind == "movie" else "labels"
            for index, truth in sample.truth.items():
                frame = sample.frame(index)
                case = {
                    "sample": sample.name,
                    "frame": index,
                    "name": frame.name,
                    "truth": truth.path,
                    "truth_page": truth.page,
                    "truth_window": truth.window,
                    "plane": self._describe_plane(sample, frame),
                    "files": list(frame.files),
                    "pixel_size_um": frame.pixel_size_um,
                }
                for field in annotated:
                    if field.index == index:
                        labels = f"{folder}/annotation/{sample.name}/{field.field}/labels.tif"
                        plane = self._describe_plane(sample, field)
                        place = {"stage": "annotation", "labels": labels, "plane": plane}
                        window = self._place_label(truth, sample, field)
                        cases.append(case | place | {"truth_window": window})
                labels = f"{folder}/segmentation/{sample.name}/{masks}"
                cases.append(case | {"stage": "segmentation", "labels": labels})
        return cases

    def list_segmented_cases(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Those cases in which the segmentation is compared."""
        return [case for case in self.list_cases(wildcards) if case["stage"] == "segmentation"]

    def describe_shown(self, wildcards: Wildcards) -> dict[str, Any]:
        """The frame that figures of the annotation show, with its pixel size as annotated."""
        place = self.get_shown(wildcards.experiment)
        if place is None:
            raise KeyError(f"{wildcards.experiment}: no frame is annotated")
        sample, frame = place
        size = frame.pixel_size_um
        size = size and size / self.settings.preprocess.scale
        return {
            "sample": sample.name,
            "frame": frame.index,
            "block": frame.block,
            "field": frame.field,
            "name": f"{sample.name}, frame {frame.index}"
            + ("" if frame.block is None else f", block {frame.block}"),
            "pixel_size_um": size,
        }

    def describe_mosaic(self, wildcards: Wildcards) -> dict[str, Any]:
        """The frame of a sample that a mosaic shows."""
        sample = self.get_sample(wildcards)
        frame = self.get_mosaic(sample)
        if frame is None:
            raise KeyError(f"{wildcards.sample}: too small for a mosaic")
        return {
            "frame": frame.index,
            "name": frame.name,
            "plane": self._describe_plane(sample, frame),
            "files": list(frame.files),
            "pixel_size_um": frame.pixel_size_um,
        }

    def describe_fields(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Of each annotated field its sample, and of blocks their number and first pixel."""
        places = self.list_annotated(wildcards.experiment)
        fields: list[dict[str, Any]] = []
        for sample, field in places:
            fields.append({"sample": sample.name})
            if field.block is not None:
                row, _, column, _ = self._place_field(sample, field)
                fields[-1] |= {"block": field.block, "block_y_px": row, "block_x_px": column}
        return fields

    def describe_annotated(self, wildcards: Wildcards) -> list[tuple[int, Window]]:
        """Of each field of `list_compared` its frame, and which part of it it is, in px."""
        return [
            (field.index, self._place_field(sample, field))
            for sample, field in self.list_compared(wildcards)
        ]

    def _place_label(self, label: Frame, sample: Sample, field: Frame) -> Window | None:
        """The part of a label image of a frame that belongs to a field of it."""
        if field.block is None:
            return label.window
        top, _, left, _ = label.window or (0, 0, 0, 0)
        return move_window(self._place_field(sample, field), top, left)

    def _place_field(self, sample: Sample, field: Frame) -> Window:
        """Rows and columns of a frame that are a field of it."""
        frame = sample.frame(field.index)
        if field.block is None:
            return 0, frame.height, 0, frame.width
        return list_field_blocks(frame, self._block_px)[field.block].window

    def describe_counted(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Of each sample the names of its frames by number, and which of them are annotated.

        Frames of which only blocks are annotated are not among these.
        """
        return [
            {
                "sample": sample.name,
                "names": {frame.index: frame.name for frame in sample.frames},
                "annotated": [
                    field.index for field in self.list_annotated_of(sample) if field.block is None
                ],
            }
            for sample in self.list_samples(wildcards.experiment)
        ]

    def describe_judged(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Of each sample its kind, the frames learned from, and which masks are given."""
        return [
            {
                "sample": sample.name,
                "kind": sample.kind,
                "training": self._list_training_of(sample),
                "masks": bool(sample.masks),
                "labels": bool(sample.labels),
                "corrected": sample.corrected is not None,
            }
            for sample in self.list_samples(wildcards.experiment)
        ]

    def describe_inputs(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """What was read of each sample of an experiment, and where it came from."""
        return self.describe_inputs_of(wildcards.experiment)

    def describe_inputs_of(self, experiment: str) -> list[dict[str, Any]]:
        """As `describe_inputs`, of an experiment by its name."""
        rows = {own.name: own.describe_input() for own in self.list_samples(experiment)}
        blocks: dict[str, list[int]] = {}
        for sample, field in self._list_learned(experiment):
            if field.block is not None:
                blocks.setdefault(sample.name, []).append(field.index)
        for name, indices in blocks.items():
            sample = self._samples[experiment, name]
            frames = [sample.frame(index) for index in dict.fromkeys(indices)]
            n = sum(len(list_field_blocks(frame, self._block_px)) for frame in frames)
            images = "image" if len(frames) == 1 else "images"
            rows[name]["said"].append(
                f"learned from {len(indices)} of the {n} blocks of {len(frames)} large {images}"
            )
        return list(rows.values())

    def describe_samples(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """What the sheet and the files say of each sample, for the record."""
        learned = self._list_learned(wildcards.experiment)
        return [
            sample.describe_input()
            | {
                "images": sample.files,
                "labels": _unique(p for own in sample.labels.values() for p in own.files),
                "corrected_files": list(sample.corrected.files) if sample.corrected else [],
                "training_frames": list(
                    dict.fromkeys(field.index for other, field in learned if other is sample)
                ),
                "training_blocks": [
                    [field.index, field.block, list(field.window)]
                    for other, field in learned
                    if other is sample and field.block is not None and field.window
                ],
            }
            for sample in self.list_samples(wildcards.experiment)
        ]

    def describe_compared(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Of each sample its measured channels, that of its nuclei, and sizes of its frames."""
        return [
            {
                "sample": sample.name,
                "channels": list(self.list_measured(sample)),
                "own_channel": self._name_own_channel(sample),
                "megapixels": {frame.index: frame.megapixels for frame in sample.frames},
                "pixel_sizes_um": {frame.index: frame.pixel_size_um for frame in sample.frames},
            }
            for sample in self.list_samples(wildcards.experiment)
        ]

    def _name_own_channel(self, sample: Sample) -> str:
        """The channel of the nuclei, as its columns begin; empty where there is but one."""
        own = sample.channel or sample.file_channel
        place = None if own is None else find_channel(sample.channels, own)
        if place is None:
            return ""
        return name_channels([channel.name for channel in sample.channels])[place]

    def label_figure(self, wildcards: Wildcards) -> dict[str, str]:
        """How the report lists a figure: `density_and_mitoses` as "Density and mitoses"."""
        return {"result": _name_figure(wildcards.figure), "sample": wildcards.sample}

    def label_comparison(self, wildcards: Wildcards) -> dict[str, str]:
        """As `label_figure`, for figures of an experiment."""
        return {"result": _name_figure(wildcards.figure)}

    def describe_sizes(self, wildcards: Wildcards) -> dict[str, list[tuple[int, int]]]:
        """The different sizes of the frames of each sample."""
        return {
            sample.name: sorted({frame.shape for frame in sample.frames if frame.megapixels})
            for sample in self.list_samples(wildcards.experiment)
        }

    def _list_training_of(self, sample: Sample) -> list[int]:
        """Numbers of the frames of a sample that are learned from, or blocks of them."""
        places = self.list_training(sample.experiment)
        return list(dict.fromkeys(frame.index for other, frame in places if other is sample))

    def _list_learned(self, experiment: str) -> list[Place]:
        """Fields that a network learns from; a model from before has learned from others."""
        return self.list_training(experiment) if self.has_training(experiment) else []

    # What a run makes

    def list_results(self) -> list[str]:
        """What a run without a target makes."""
        return [
            path for experiment in self.experiments for path in self.list_experiment(experiment)
        ]

    def list_experiment(self, experiment: str, *, pages: bool = True) -> list[str]:
        """What a run makes of one experiment; without `pages` all but what sums it up."""
        results = []
        if self.has_training(experiment):
            results += ["training/loss.csv", "training/loss.svg", "training/loss.png", "model"]
            if self.list_annotated(experiment):
                results.append("annotation/objects.csv")
        has_model = self.has_training(experiment) or experiment in self.settings.models
        if has_model and self.settings.export.models != "none":
            results.append("model_exports")
        for sample in self.list_samples(experiment):
            results += self._list_sample(sample)
        if self.has_conditions(experiment):
            results.append("conditions")
        if self.has_truth(experiment):
            results += [
                "evaluation/metrics.csv",
                "evaluation/summary.csv",
                "evaluation/f1_over_iou.svg",
                "evaluation/f1_over_iou.png",
                "figures/comparison.png",
            ]
        results += [
            "quality/verdict.json",
            "quality/images.csv",
            "quality/areas.png",
            "quality/indicators.png",
            "quality/calibration.png",
            "provenance/provenance.json",
            "provenance/config.yaml",
            "provenance/samples.tsv",
            "provenance/inputs.csv",
            "figures/counts.csv",
            "figures/counts.svg",
            "figures/counts.png",
        ]
        if self.get_shown(experiment):
            results += ["figures/annotation_overlay.png", "figures/annotation_steps.png"]
        if pages:
            results += ["summary.html", "summary_short.html", "summary.csv"]
        return [f"<results>/{experiment}/{name}" for name in results]

    def _list_sample(self, sample: Sample) -> list[str]:
        names = ["objects.csv", "planes.csv", "overview.jpg"]
        names += ["labels.tif"] if sample.kind == "movie" else ["labels", "skipped.csv"]
        names += ["labels.ome.zarr"] if self.settings.export.ome_zarr != "none" else []
        names += ["outlines"] if self.settings.export.outlines != "none" else []
        if sample.corrected:
            names += ["corrections.csv", "corrections_by_frame.csv"]
            names += ["corrected_numbers.csv", "correction_notes.csv"]
        results = [f"segmentation/{sample.name}/{name}" for name in names]
        if sample.kind == "movie":
            names = [
                "tracks.csv", "lineages.csv", "linking.json", "track_labels.tif",
                f"trackmate/{sample.name}.xml", "ctc", "tracks.geff", "motility", "lineages",
                "outlines.mp4", "tracks.mp4",
            ]  # fmt: skip
            names += ["traces"] if self.list_measured(sample) else []
            results += [f"tracking/{sample.name}/{name}" for name in names]
        if sample.truth_tracks:
            results.append(f"evaluation/tracks_{sample.name}.csv")
        if self.list_measured(sample):
            results.append(f"segmentation/{sample.name}/channels.csv")
            results.append(f"segmentation/{sample.name}/channels.png")
        if self.get_mosaic(sample):
            results.append(f"figures/mosaic_{sample.name}.png")
        return results


def _name_figure(name: str) -> str:
    words = name.replace("msd", "mean squared displacement").replace("_", " ")
    return words[:1].upper() + words[1:]


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many items, evenly spread over all."""
    n = min(most, len(items))
    return [items[i * len(items) // n] for i in range(n)]


def _describe_labels(labels: Mapping[int, Frame]) -> dict[int, dict[str, Any]]:
    return {
        index: {
            "path": label.path,
            "page": label.page,
            "window": label.window,
            "stamp": label.stamp,
        }
        for index, label in labels.items()
    }


def _unique(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(paths))


def _fill(template: str, wildcards: Wildcards, **more: Any) -> str:
    """A path from a template; what is not given comes from the wildcards of the job."""
    for name in ("experiment", "sample", "frame", "block", "round", "first", "last"):
        place = "{" + name + "}"
        if place in template:
            value = more[name] if name in more else getattr(wildcards, name)
            template = template.replace(place, str(value))
    return template

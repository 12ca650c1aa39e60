"""The sample sheet: rows of text become acquisitions whose every frame is known.

Only headers are read here, each once. All problems are collected and reported together.
"""

import codecs
import contextlib
import csv
import dataclasses
import functools
import math
import os
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonuclei.errors import InputError
from autonuclei.export.ctc import read_ctc
from autonuclei.io.files import stamp_files
from autonuclei.io.formats.base import FileHeader, ImageHeader, Window
from autonuclei.io.images import (
    MINIMUM_SIDE_PX,
    count_frames,
    find_place,
    find_position,
    join_stamps,
    list_planes,
    select_slices,
)
from autonuclei.io.tables import FREE_COLUMNS
from autonuclei.plan.channels import Channel, list_channels, list_file_channels
from autonuclei.plan.corrections import (
    MASKS,
    Correction,
    find_track_file,
    list_correction_files,
    recognise_correction,
)
from autonuclei.plan.numbering import check_stills, find_stem, list_names, number_frames
from autonuclei.plan.pairing import Pairing, pair_labels
from autonuclei.plan.patterns import fill_placeholders, find_files, group_files, has_placeholders
from autonuclei.settings import list_problems

# As `io.images.read_file_header`.
ReadHeader = Callable[..., FileHeader]

SHEET = "sample sheet"

_NO_ROWS = (
    "has no rows yet. Add one line per movie or set of stills; config/README.md explains the "
    "columns."
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# File systems take names of 255 bytes (encrypted ones 143), and ours have more than the sample's.
_LONGEST_NAME = 100
# A value that is typed in is rounded by less.
_ROUNDED = 0.02


@dataclass(frozen=True)
class Frame:
    """One image: time point `page` of a file. `name` is unique within its sample.

    `slices` are the files of its z slices where each is a file, `path` being the first; `inputs`
    are all files that its pixels and header come from, where they are more than `path`. `stamp`
    tells whether these have changed. `pixel_size_um` is None if unknown. `window` is the part of
    the stored image that it is, as of `io.images.read_plane`, None for all of it; `block` the
    number of a block of a large frame that stands for an image of its own (`plan.fields`).
    """

    index: int
    path: str
    page: int
    name: str
    height: int
    width: int
    slices: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    stamp: str | None = None
    pixel_size_um: float | None = None
    window: Window | None = None
    block: int | None = None

    @property
    def field(self) -> str:
        """How its folder in the annotation is named: frame, and block if it is one."""
        frame = f"{self.index:04d}"
        return frame if self.block is None else f"{frame}_{self.block:02d}"

    @property
    def files(self) -> tuple[str, ...]:
        """The files that must be there for its pixels to be read."""
        return self.inputs or self.slices or (self.path,)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.height, self.width

    @functools.cached_property
    def megapixels(self) -> float:
        """Size in megapixels; 0 where the header could not be read."""
        return self.height * self.width / 1e6


@dataclass(frozen=True)
class Sample:
    """One acquisition with its frames; `train`, `masks`, `truth` and `labels` go by frame index.

    With `labels`, the finished label image of every frame, nothing is predicted; those of the
    frames in `train` are then its `masks` too. `corrected` is what takes the place of our results;
    `corrected_labels` are its label images by frame index, where it is masks.

    `shape` is the (height, width) of a movie's frames as they are stored, None for stills; frames
    and label images have those of the part that is used, and `truth_tracks_window` is this part
    where the masks of `truth_tracks` are whole. `pixel_size_um` is None
    where it is unknown or differs from frame to frame. Where each channel is a file, `channel` is
    None and `file_channel` the one of `file_channels` that is read. `channels` are those that all
    images have. `header` is that of the first image.
    `columns` are the columns of the sheet that pass through to the results (`FREE_COLUMNS`).
    `notes`, `left_out`, `said` and `pairing` are lines for the user: what was noticed, what was not
    used, what the readers of the files have to say, and which label image belongs to which image
    by which rule.
    """

    experiment: str
    name: str
    kind: str
    frames: tuple[Frame, ...]
    shape: tuple[int, int] | None = None
    train: tuple[int, ...] = ()
    masks: Mapping[int, Frame] = field(default_factory=dict)
    truth: Mapping[int, Frame] = field(default_factory=dict)
    labels: Mapping[int, Frame] = field(default_factory=dict)
    corrected: Correction | None = None
    corrected_labels: Mapping[int, Frame] = field(default_factory=dict)
    truth_tracks: str | None = None
    truth_tracks_window: Window | None = None
    position: str | None = None
    channel: str | None = None
    file_channel: str | None = None
    file_channels: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    projection: str | None = None
    pixel_size_um: float | None = None
    pixel_size_source: str = ""
    frame_interval_min: float | None = None
    frame_interval_source: str = ""
    header: ImageHeader | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    pairing: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int:
        """Length of the movie in frames, missing ones counted."""
        return self.frames[-1].index + 1

    @functools.cached_property
    def megapixels(self) -> float:
        """All frames together, in megapixels."""
        return sum(frame.megapixels for frame in self.frames)

    @functools.cached_property
    def largest_megapixels(self) -> float:
        """The largest frame, in megapixels."""
        return max(frame.megapixels for frame in self.frames)

    @functools.cached_property
    def files(self) -> list[str]:
        """The files of the frames, each once."""
        return list(dict.fromkeys(path for frame in self.frames for path in frame.files))

    def describe_plane(self, frame: Frame) -> dict[str, Any]:
        """Keyword arguments of `io.images.read_plane` for one frame."""
        return {
            "path": list(frame.slices) if frame.slices else frame.path,
            "frame": frame.page,
            "channel": self.channel,
            "projection": self.projection,
            "position": self.position,
            "shape": self.shape,
            "stamp": frame.stamp,
            "window": frame.window,
        }

    def describe_channel(self, frame: Frame, channel: Channel) -> dict[str, Any] | None:
        """As `describe_plane`, for another channel; None where its file is missing."""
        if channel.files is None:
            key = self.channel if channel.key is None else channel.key
            return self.describe_plane(frame) | {"channel": key}
        paths = [channel.files.get(path) for path in frame.slices or (frame.path,)]
        if None in paths:
            return None
        # Its header was not read: the reader finds out whether it fits.
        path = paths if frame.slices else paths[0]
        return self.describe_plane(frame) | {"path": path, "stamp": None}

    def describe_input(self) -> dict[str, Any]:
        """What was read, and where it came from, for the user to check.

        Sizes that differ from image to image are None, and listed under `sizes` and
        `pixel_sizes_um`. `crop_y_px` and `crop_x_px` are the row and column of the stored images
        from which results count.
        """
        header = self.header
        sizes = sorted({(f.width, f.height) for f in self.frames if f.height})
        pixel_sizes = sorted({f.pixel_size_um for f in self.frames if f.pixel_size_um is not None})
        width, height = sizes[0] if len(sizes) == 1 else (None, None)
        window = next((f.window for f in self.frames if f.window is not None), (0, 0, 0, 0))
        return {
            "sample": self.name,
            "kind": self.kind,
            "n_files": len(self.files),
            "first_file": self.frames[0].path,
            "last_file": self.files[-1],
            "n_frames": len(self.frames),
            "missing_frames": self.n_frames - len(self.frames) if self.kind == "movie" else 0,
            "labels_given": bool(self.labels),
            "corrected": "" if self.corrected is None else self.corrected.kind,
            "position": self.position,
            "position_name": header.position if header else "",
            "channel": self.channel or self.file_channel,
            "channel_number": self._find_channel_number(),
            "n_channels": len(self.file_channels) or (header.n_channels if header else None),
            "channel_names": list(self.file_channels or (header.channel_names if header else ())),
            "projection": self.projection,
            "n_slices": max(len(self.frames[0].slices), header.n_slices if header else 1),
            "width": width,
            "height": height,
            "sizes": sizes,
            "crop_y_px": window[0],
            "crop_x_px": window[2],
            "dtype": header.dtype if header else "",
            "pixel_size_um": self.pixel_size_um,
            "pixel_sizes_um": pixel_sizes,
            "pixel_size_source": self.pixel_size_source,
            "frame_interval_min": self.frame_interval_min,
            "frame_interval_source": self.frame_interval_source,
            **self.columns,
            "left_out": list(self.left_out),
            "said": list(self.said),
            "pairing": list(self.pairing),
            "notes": list(self.notes),
        }

    def _find_channel_number(self) -> int | None:
        """Number from 1 of the channel of the nuclei, None where there is but one."""
        if self.file_channel is not None:
            return self.file_channels.index(self.file_channel) + 1
        if self.channel is None or self.header is None:
            return None
        place = find_place(self.channel, self.header.channel_names, self.header.n_channels)
        return None if place is None else place + 1

    def frame(self, index: int) -> Frame:
        """The frame with this number."""
        place = bisect_left(self.frames, index, key=lambda frame: frame.index)
        if place == len(self.frames) or self.frames[place].index != index:
            raise KeyError(f"{self.experiment}/{self.name} has no frame {index}")
        return self.frames[place]


def read_samples(
    path: str | os.PathLike[str],
    *,
    schema: Mapping[str, Any],
    read_header: ReadHeader,
    crop: Window | None = None,
    skip_unreadable: bool = False,
) -> list[Sample]:
    """Read the sample sheet (tab-separated; lines that start with # are comments).

    A row becomes one sample, or several where its file names have placeholders or all positions
    of its files are asked for.

    Parameters
    ----------
    schema
        JSON schema of one row.
    read_header
        As `images.read_file_header`, or a cache of it.
    crop
        Setting `preprocess.crop`: the part of all images that is used, as far as they go. Label
        images may have the size of an image or of this part of it.
    skip_unreadable
        Note stills that cannot be read, instead of refusing the sheet: they keep their number,
        have height and width 0, and are neither learned from nor compared. A set of stills
        without a readable one, and a movie with an unreadable frame, are refused all the same.

    Raises
    ------
    InputError
        Anything is wrong with the sheet; the message lists all problems, one per line.
    """
    path = Path(path)
    rows, problems = _read_rows(path, schema)
    samples = []
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for line, row in rows:
        reader = _RowReader(row, read_header, crop, skip_unreadable)
        found = reader.read()
        for name in reader.names:
            # Disks of macOS and Windows take x and X for the same folder.
            key = (row["experiment"], name.lower())
            other, where = first.setdefault(key, (name, line))
            if (other, where) != (name, line) or reader.names.count(name) > 1:
                reader.problems.append(
                    f"the sample '{name}' of experiment '{key[0]}' stands in line {where} already"
                    + (f" as '{other}'" if other != name else "")
                    + ". Give each its own name."
                )
        problems += [f"line {line}: {problem}" for problem in reader.problems]
        samples += found
    samples = _tell_differences(_tell_repeats(samples))
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise InputError(f"{path}: {len(problems)} problem(s), nothing was started:\n{listed}")
    return samples


def _tell_repeats(samples: Sequence[Sample]) -> list[Sample]:
    """Note where an image is in two samples of an experiment, and so would count twice."""
    first: dict[tuple[Any, ...], str] = {}
    # The same file by another path, or by a link to it.
    paths = {frame.path for sample in samples for frame in sample.frames}
    places = {path: str(Path(path).resolve()) for path in paths}
    told = []
    for sample in samples:
        repeats = {}
        for frame in sample.frames:
            place = places[frame.path]
            key = (sample.experiment, place, frame.page, sample.position, sample.channel)
            other = first.setdefault(key, sample.name)
            if other != sample.name:
                repeats[other] = frame.path
        notes = [
            f"{path} is in sample '{other}' too: its nuclei count twice in this experiment"
            for other, path in repeats.items()
        ]
        told.append(dataclasses.replace(sample, notes=(*sample.notes, *notes)))
    return told


def _tell_differences(samples: Sequence[Sample]) -> list[Sample]:
    """Note where samples of an experiment differ in what makes their numbers comparable."""
    told = list(samples)
    for experiment in dict.fromkeys(sample.experiment for sample in samples):
        own = [k for k, sample in enumerate(samples) if sample.experiment == experiment]
        for what, tell, comparable in _COMPARED:
            values = {k: value for k in own if (value := tell(samples[k])) is not None}
            usual, n_usual = Counter(values.values()).most_common(1)[0] if values else ("", 0)
            odd = [k for k, value in values.items() if value != usual]
            if odd:
                more = f" (and of {len(odd) - 1} more)" if len(odd) > 1 else ""
                note = (
                    f"its {what} is {values[odd[0]]}{more}, that of {n_usual} sample(s) of the "
                    f"experiment {usual}: {comparable}"
                )
                told[odd[0]] = dataclasses.replace(told[odd[0]], notes=(*told[odd[0]].notes, note))
    return told


def _name_type(sample: Sample) -> str | None:
    return None if sample.header is None else str(sample.header.dtype)


def _name_interval(sample: Sample) -> str | None:
    known = sample.frame_interval_min if len(sample.frames) > 1 else None
    # Clocks differ a little.
    return None if known is None else f"{float(f'{known:.2g}'):g} min"


def _name_pixel_size(sample: Sample) -> str | None:
    known = {frame.pixel_size_um is not None for frame in sample.frames if frame.height}
    if len(known) > 1:
        return "known of some images"
    return "known" if True in known else "unknown"


# What is compared between samples: how it is called, what it is of one, and why it matters.
_COMPARED: tuple[tuple[str, Callable[[Sample], str | None], str], ...] = (
    ("type of pixels", _name_type, "do not compare their brightness"),
    ("frame interval", _name_interval, "do not compare their speeds, which depend on it"),
    ("pixel size", _name_pixel_size, "areas of all samples together are in px"),
)


def _read_rows(
    path: Path, schema: Mapping[str, Any]
) -> tuple[list[tuple[int, dict[str, Any]]], list[str]]:
    if not path.is_file():
        raise InputError(f"{path}: no such sample sheet. Set 'samples' in the configuration.")
    try:
        content = path.read_bytes()
        # Excel's "Unicode Text".
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text. Save it from Excel as 'Unicode Text', from other programs "
            "as text with tabs and UTF-8."
        ) from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise InputError(f"{path}: {_NO_ROWS}")
    header = [cell.strip() for cell in next(csv.reader([lines[0][1]], delimiter="\t"))]
    problems = []
    if "experiment" not in header:
        raise InputError(
            f"{path}: the first line has no column 'experiment'. "
            "The columns must be named there, in small letters, and separated by tabs."
        )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise InputError(
            f"{path}: the column '{twice[0]}' is there twice. Rename or remove one of the two."
        )
    rows = []
    for number, line in lines[1:]:
        cells = next(csv.reader([line], delimiter="\t"))
        if len(cells) > len(header):
            problems.append(f"line {number}: has {len(cells)} cells, but {len(header)} columns.")
            continue
        row: dict[str, Any] = {
            name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()
        }
        for name in ("pixel_size_um", "frame_interval_min"):
            if name in row:
                with contextlib.suppress(ValueError):  # which the schema tells
                    value = float(row[name].replace(",", "."))
                    if math.isfinite(value):
                        row[name] = value
        found = list_problems(row, schema)
        if found:
            problems += [f"line {number}: {problem}" for problem in found]
        else:
            rows.append((number, row))
    if not rows and not problems:
        raise InputError(f"{path}: {_NO_ROWS}")
    return rows, problems


@dataclass(frozen=True)
class _Source:
    """The files of one frame before they are read: one, or one per z slice."""

    number: int | None
    paths: tuple[str, ...]


@dataclass(frozen=True)
class _Acquisition:
    """The files of one sample, as the sheet and the names of the files say."""

    name: str
    sources: tuple[_Source, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    partners: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    interval_min: float | None = None
    uneven: str = ""
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class _RowReader:
    """Reads one row; collects what is wrong with it in `problems`, and the `names` of samples."""

    def __init__(
        self,
        row: Mapping[str, Any],
        read_header: ReadHeader,
        crop: Window | None,
        skip_unreadable: bool,
    ) -> None:
        self.row = row
        self.is_movie = row["kind"] == "movie"
        self.skips = skip_unreadable and not self.is_movie
        self.problems: list[str] = []
        self.names: list[str] = []
        self._replaced: dict[str, dict[str, None]] = {}
        self._stamps: dict[tuple[str, ...], str] = {}
        self._members: dict[Path, str] = {}
        self._read_header = read_header
        self._crop = crop

    def read(self) -> list[Sample]:
        """The samples of the row that could be read."""
        samples = []
        for acquisition in self._list_acquisitions():
            samples += self._read_positions(acquisition)
        for name in self.names:
            if not _NAME.fullmatch(name):
                self.problems.append(
                    f"sample: the name '{name}' has other characters than letters, digits, dot, "
                    "hyphen and underscore. Change the column 'sample', or rename the files."
                )
            elif len(name) > _LONGEST_NAME:
                self.problems.append(
                    f"sample: the name '{name}' has {len(name)} letters, more than "
                    f"{_LONGEST_NAME}. Give a shorter one in the column 'sample'."
                )
        self.problems += [
            f"{name}: the sheet says '{self.row[name]}' of all samples, but their files "
            f"{list_names(list(values))}. Leave the column '{name}' empty, or give each a line."
            for name, values in self._replaced.items()
            if len(values) > 1
        ]
        for column in ("ground_truth", "masks", "labels"):
            self._refuse_shared_labels(column, samples)
        self.problems = list(dict.fromkeys(self.problems))
        return samples

    def _refuse_shared_labels(self, column: str, samples: Sequence[Sample]) -> None:
        """Refuse a label image that several samples of the row would have."""
        of_label: dict[tuple[str, int], Sample] = {}
        for sample in samples if column in self.row else ():
            found = {"ground_truth": sample.truth, "masks": sample.masks, "labels": sample.labels}
            for label in found[column].values():
                other = of_label.setdefault((label.path, label.page), sample)
                if other is not sample:
                    self.problems.append(
                        f"{column}: {label.path} would belong to the samples '{other.name}' and "
                        f"'{sample.name}'. Give each its own, by placeholders as in the name of "
                        "the sample, such as {position} or {well}."
                    )
                    return

    # Which files

    def _list_acquisitions(self) -> list[_Acquisition]:
        pattern, name = self.row["images"], self.row["sample"]
        try:
            if not has_placeholders(pattern):
                found = find_files(pattern)
                return [
                    _Acquisition(
                        name=name,
                        sources=tuple(_Source(None, (path,)) for path in found.paths),
                        notes=found.notes,
                        left_out=found.left_out,
                    )
                ]
            groups = group_files(
                pattern, name, kind=self.row["kind"], channel=self.row.get("channel")
            )
        except InputError as error:
            self.problems += [f"images: {problem}" for problem in str(error).splitlines()]
            self.names += [] if "{" in name else [name]
            return []
        return [
            _Acquisition(
                name=group.name,
                sources=tuple(_Source(frame.number, frame.paths) for frame in group.frames),
                values=group.values,
                channels=group.channels,
                partners=group.partners,
                interval_min=group.interval_min,
                uneven=group.uneven,
                notes=group.notes,
                left_out=group.left_out,
            )
            for group in groups
        ]

    def _list_files(self, column: str, values: Mapping[str, str]) -> list[str]:
        """The files of label images; placeholders are those of the images."""
        pattern = fill_placeholders(self.row[column], values)
        try:
            if has_placeholders(pattern):  # of time or slice
                pattern = re.sub(r"\{[^{}]*\}", "*", pattern)
            return list(find_files(pattern).paths)
        except InputError as error:
            self.problems.append(f"{column}: {error}")
            return []

    # Which images in them

    def _read_positions(self, acquisition: _Acquisition) -> list[Sample]:
        """One sample of the position asked for, or of each."""
        files = [path for source in acquisition.sources for path in source.paths]
        headers, unreadable = self._read_headers(files)
        sources, left_out, members = _drop_members(acquisition.sources, headers)
        for path, whole in members.items():
            if self._members.setdefault(path, acquisition.name) != acquisition.name:
                self.problems.append(
                    f"{whole}: belongs to a set of files that is read as sample "
                    f"'{self._members[path]}' already. Give one file of the set, without "
                    "placeholders, and say in the column 'position' which position."
                )
                break
        acquisition = dataclasses.replace(
            acquisition, sources=sources, left_out=(*acquisition.left_out, *left_out)
        )
        acquisition = self._number_sources(acquisition)
        position = self.row.get("position")
        if position != "all":
            self.names.append(acquisition.name)
            sample = self._read_sample(acquisition, headers, unreadable, position)
            return [] if sample is None else [sample]
        known = [header for header in headers.values() if header is not None]
        if not known:
            self.names.append(acquisition.name)
            self.problems += unreadable.values()
            return []
        names = [image.position for image in known[0].images]
        if any([image.position for image in header.images] != names for header in known):
            self.problems.append(
                "position: 'all' needs files with the same positions. Give each file a line of "
                "its own."
            )
            return []
        samples = []
        for number, (own, suffix) in enumerate(zip(names, _name_positions(names), strict=True), 1):
            values = {**acquisition.values, "position": suffix, **_split_field(own)}
            name = acquisition.name
            name = fill_placeholders(name, values) if "{position}" in name else f"{name}_{suffix}"
            self.names.append(name)
            one = dataclasses.replace(acquisition, name=name, values=values)
            sample = self._read_sample(one, headers, unreadable, str(number))
            if sample is not None:
                samples.append(sample)
        return samples

    def _read_headers(
        self, files: Sequence[str]
    ) -> tuple[dict[str, FileHeader | None], dict[str, str]]:
        """The headers of files, None where one cannot be read, and why."""
        headers: dict[str, FileHeader | None] = dict.fromkeys(files)
        unreadable = {}
        for path in files:
            try:
                headers[path] = self._read_header(path)
            except InputError as error:
                unreadable[path] = str(error)
        return headers, unreadable

    def _read_sample(
        self,
        acquisition: _Acquisition,
        headers: Mapping[str, FileHeader | None],
        unreadable: Mapping[str, str],
        position: str | None,
    ) -> Sample | None:
        images, unusable = self._choose_images(acquisition, headers, unreadable, position)
        good = [image for image in images.values() if image is not None]
        if not good or not self.skips:
            self.problems += unusable
        if not good:
            return None
        notes = list(acquisition.notes)
        frames = self._list_frames(acquisition.sources, images, headers)
        notes += [f"skipped: {problem}" for problem in unusable if self.skips]
        if acquisition.uneven and self.row.get("projection", "").isdecimal():
            self.problems.append(
                f"{acquisition.uneven}: lacks z slices that others have, so that slice "
                f"{self.row['projection']} is another one in it. Choose max or mean, or take it "
                "out."
            )
        notes += self._compare_images(images, self._find_channel(acquisition) or "")
        notes += self._tell_position(good[0], position, headers)
        shape = self._find_shape(frames)
        pairing: list[str] = []
        truth, masks, labels = (
            self._assign_labels(column, frames, acquisition.values, pairing)
            for column in ("ground_truth", "masks", "labels")
        )
        corrected, corrected_labels = self._find_correction(frames, acquisition.values, pairing)
        frames = [self._crop_frame(frame) for frame in frames]
        left_out = list(acquisition.left_out)
        if "labels" in self.row:
            frames = self._keep_labelled(frames, labels, left_out)
        readable = [frame for frame in frames if frame.height]
        train = self._select_training(readable)
        if labels:
            masks = {index: labels[index] for index in train if index in labels}
        sizes = {frame.pixel_size_um for frame in frames if frame.height}
        interval, interval_source = self._find_interval(good[0], acquisition.interval_min)
        in_file = good[0].frame_interval_min
        if self.is_movie and "frame_interval_min" not in self.row and _differ(in_file, interval):
            notes.append(
                f"frame interval: the names say {interval:g} min, which is used, the file "
                f"{in_file:g} min ({good[0].frame_interval_source})"
            )
        notes += self._tell_contradictions(good[0])
        columns = self._fill_columns(acquisition.values)
        truth_tracks, tracks_window = self._find_tracks(acquisition.values, frames, shape)
        return Sample(
            experiment=self.row["experiment"],
            name=acquisition.name,
            kind=self.row["kind"],
            frames=tuple(frames),
            shape=shape,
            train=tuple(train),
            masks=_take_frames(masks, readable),
            truth=_take_frames(truth, readable),
            labels=labels,
            corrected=corrected,
            corrected_labels=_take_frames(corrected_labels, frames),
            truth_tracks=truth_tracks,
            truth_tracks_window=tracks_window,
            position=position,
            channel=self._find_channel(acquisition),
            file_channel=acquisition.values.get("channel"),
            file_channels=acquisition.channels,
            channels=tuple(self._list_channels(acquisition, good, left_out)),
            projection=self.row.get("projection"),
            pixel_size_um=sizes.pop() if len(sizes) == 1 else None,
            pixel_size_source=self._find_pixel_source(good),
            frame_interval_min=interval,
            frame_interval_source=interval_source,
            header=good[0],
            columns=columns,
            notes=tuple(notes),
            left_out=tuple(left_out),
            said=(*_list_header_notes(headers), *_tell_crop(frames)),
            pairing=tuple(pairing),
        )

    def _fill_columns(self, values: Mapping[str, str]) -> dict[str, str]:
        """The columns that pass through, from the sheet and from the names of the files."""
        for name in FREE_COLUMNS:
            if name in self.row and name in values:
                self._replaced.setdefault(name, {})[values[name]] = None
        return {
            name: str(self.row.get(name, values.get(name, "")))
            for name in FREE_COLUMNS
            if name in self.row or name in values
        }

    def _find_channel(self, acquisition: _Acquisition) -> str | None:
        """The channel within the files; where each channel is a file, there is but one."""
        return None if "channel" in acquisition.values else self.row.get("channel")

    def _list_channels(
        self, acquisition: _Acquisition, images: Sequence[ImageHeader], left_out: list[str]
    ) -> list[Channel]:
        """The channels that all images have; what is left out is told."""
        if "channel" in acquisition.values:
            own = acquisition.values["channel"]
            found = list_file_channels(acquisition.channels, own, acquisition.partners)
            n_there = len(acquisition.channels)
        else:
            found = list_channels(images, chosen=self.row.get("channel"))
            n_there = images[0].n_channels
        if len(found) < n_there:
            left_out.append(f"{n_there - len(found)} channel(s) that not all images have")
        return found

    def _choose_images(
        self,
        acquisition: _Acquisition,
        headers: Mapping[str, FileHeader | None],
        unreadable: Mapping[str, str],
        position: str | None,
    ) -> tuple[dict[str, ImageHeader | None], list[str]]:
        """Of each file the image to read, None where it cannot be used, and why."""
        images: dict[str, ImageHeader | None] = {}
        unusable = []
        for source in acquisition.sources:
            for path in source.paths:
                header, images[path] = headers[path], None
                if header is None:
                    unusable.append(unreadable[path])
                    continue
                try:
                    image = header.images[find_position(header, path, position)]
                    if "channel" in acquisition.values and image.n_channels > 1:
                        raise InputError(
                            f"{path}: has {image.n_channels} channels itself, so that {{channel}} "
                            "in its name does not choose one. Write * in place of {channel} and "
                            "choose one in the column 'channel'; of a set of files, give one."
                        )
                    paths = [Path(one) for one in source.paths]
                    _, projection = select_slices(paths, self.row.get("projection"))
                    channel = self._find_channel(acquisition)
                    list_planes(image, path, channel=channel, projection=projection)
                    _check_image(image, path, self.row.get("pixel_size_um"))
                    images[path] = image
                except InputError as error:
                    unusable.append(str(error))
        return images, list(dict.fromkeys(unusable))

    def _number_sources(self, acquisition: _Acquisition) -> _Acquisition:
        """Number the frames of a movie by the names of its files; stills keep their order."""
        sources = acquisition.sources
        if len(sources) < 2 or sources[0].number is not None:
            return acquisition
        paths = [source.paths[0] for source in sources]
        notes, left_out = acquisition.notes, acquisition.left_out
        try:
            if not self.is_movie:
                return dataclasses.replace(acquisition, notes=(*notes, *check_stills(paths)))
            found = number_frames(paths)
        except InputError as error:
            self.problems.append(f"images: {error}")
            return acquisition
        return dataclasses.replace(
            acquisition,
            sources=tuple(
                _Source(number, (path,))
                for path, number in zip(found.files, found.numbers, strict=True)
            ),
            interval_min=found.interval_min,
            notes=(*notes, *found.notes),
            left_out=(*left_out, *found.left_out),
        )

    def _list_frames(
        self,
        sources: Sequence[_Source],
        images: Mapping[str, ImageHeader | None],
        headers: Mapping[str, FileHeader | None],
    ) -> list[Frame]:
        projection = self.row.get("projection")
        frames: list[Frame] = []
        for source in sources:
            path = source.paths[0]
            image = images[path]
            n_pages = 1 if image is None else count_frames(image, projection)
            if self.is_movie and len(sources) > 1 and n_pages > 1:
                self.problems.append(
                    f"{path}: holds {n_pages} time points, but the movie has {len(sources)} files. "
                    "Give each movie file a line of its own."
                )
            stem = find_stem(path)
            inputs, stamp = self._find_inputs(source, headers)
            is_single = n_pages == 1 and self.is_movie and source.number is not None
            for page in range(n_pages):
                frames.append(
                    Frame(
                        index=source.number if is_single else len(frames),  # type: ignore[arg-type]
                        path=path,
                        page=page,
                        name=stem if n_pages == 1 else f"{stem}_{page:04d}",
                        height=0 if image is None else image.height,
                        width=0 if image is None else image.width,
                        slices=source.paths if len(source.paths) > 1 else (),
                        inputs=inputs,
                        stamp=stamp,
                        pixel_size_um=self.row.get(
                            "pixel_size_um", None if image is None else image.pixel_size_um
                        ),
                    )
                )
        names = [frame.name for frame in frames]
        if len(set(names)) < len(names):
            return [dataclasses.replace(f, name=f"{f.name}_{f.index:04d}") for f in frames]
        return frames

    def _find_inputs(
        self, source: _Source, headers: Mapping[str, FileHeader | None]
    ) -> tuple[tuple[str, ...], str | None]:
        """All files that a frame is read from, and their stamp."""
        known = [headers[path] for path in source.paths]
        files = [path for header in known if header is not None for path in header.files]
        paths = [Path(path) for path in source.paths]
        taken, _ = select_slices(paths, self.row.get("projection"))
        with contextlib.suppress(OSError):  # which is told when the file is read
            stamps = [
                self._stamp(header.files)
                for path, header in zip(paths, known, strict=True)
                if header is not None and path in taken
            ]
            if len(stamps) == len(taken):
                inputs = tuple(dict.fromkeys(files))
                return () if inputs == source.paths else inputs, join_stamps(stamps)
        return (), None

    def _stamp(self, files: tuple[str, ...]) -> str:
        """The stamp of files, which may hold many positions."""
        if files not in self._stamps:
            self._stamps[files] = stamp_files(files)
        return self._stamps[files]

    # What must agree

    def _compare_images(self, images: Mapping[str, ImageHeader | None], channel: str) -> list[str]:
        """Tell what differs between the files of a sample; a movie must be of one kind."""
        known = {path: image for path, image in images.items() if image is not None}
        path, first = next(iter(known.items()))
        notes: list[str] = []
        for other, image in known.items():
            if image.dtype != first.dtype and self.is_movie:
                self.problems.append(
                    f"{other}: has pixels of type {image.dtype}, {path} of {first.dtype}. "
                    "Save all frames of a movie with the same bit depth."
                )
                break
        for other, image in known.items():
            if self.is_movie and _differ(image.pixel_size_um, first.pixel_size_um):
                if "pixel_size_um" in self.row:
                    break
                self.problems.append(
                    f"{other}: has {image.pixel_size_um:g} um per pixel, {path} "
                    f"{first.pixel_size_um:g}. Say in the column 'pixel_size_um' which is right, "
                    "or take it out."
                )
                break
        place = find_place(channel, first.channel_names, first.n_channels)
        for other, image in known.items():
            if image.n_channels != first.n_channels and channel not in first.channel_names:
                problem = (
                    f"{other}: has {image.n_channels} channel(s), {path} {first.n_channels}. Give "
                    "the files of each kind a line of their own, or the channel by its name."
                )
                (self.problems if self.is_movie else notes).append(problem)
                break
        for other, image in known.items():
            if image.n_slices != first.n_slices:
                notes.append(f"{other}: has {image.n_slices} z slice(s), {path} {first.n_slices}")
                break
        if channel.isdecimal() and place is not None and first.channel_names:
            name = first.channel_names[place]
            if channel != name and channel in first.channel_names:
                notes.append(
                    f"channel {channel} is taken by its number, it is named '{name}'; the one "
                    f"named '{channel}' is number {first.channel_names.index(channel) + 1}"
                )
            for other, image in known.items():
                names = image.channel_names
                if name in names and names.index(name) != place:
                    self.problems.append(
                        f"{other}: its channel {channel} is {names[place]}, that of "
                        f"{path} is {name}. Give the channel by its name."
                    )
                    break
        sizes = Counter((image.height, image.width) for image in known.values())
        if not self.is_movie and len(sizes) > 1:
            (height, width), _ = sizes.most_common(1)[0]
            small = [
                other
                for other, image in known.items()
                if image.height <= height / 4 and image.width <= width / 4
            ]
            if small:
                notes.append(
                    f"{small[0]}{_count_more(small)}: much smaller than the others "
                    f"({width} x {height} pixels). If it is a thumbnail, take it out."
                )
        return notes

    def _tell_position(
        self,
        image: ImageHeader,
        position: str | None,
        headers: Mapping[str, FileHeader | None],
    ) -> list[str]:
        """A line where a number is the name of another position."""
        asked = self.row.get("position")
        first = next(header for header in headers.values() if header is not None)
        names = [one.position for one in first.images]
        if asked != position or asked not in names or asked == image.position:
            return []
        return [
            f"position {asked} is taken by its number, it is named '{image.position}'; the one "
            f"named '{asked}' is number {names.index(asked) + 1}"
        ]

    def _find_shape(self, frames: Sequence[Frame]) -> tuple[int, int] | None:
        """Height and width that most frames of a movie have."""
        sizes = Counter((frame.height, frame.width) for frame in frames if frame.height)
        if not self.is_movie or not sizes:
            return None
        common = sizes.most_common(1)[0][0]
        if len(sizes) > 1:
            odd = next(f for f in frames if f.height and (f.height, f.width) != common)
            self.problems.append(
                f"{odd.path}: is {odd.width} x {odd.height} pixels, but most frames of this movie "
                f"are {common[1]} x {common[0]}. Use kind 'stills' or take it out."
            )
        return common

    def _find_window(self, frame: Frame) -> Window | None:
        """The part of an image that is used; None if it is all of it."""
        if self._crop is None or not frame.height:
            return None
        row, end_row, column, end_column = self._crop
        window = row, min(end_row, frame.height), column, min(end_column, frame.width)
        return None if window == (0, frame.height, 0, frame.width) else window

    def _crop_frame(self, frame: Frame) -> Frame:
        """The part of a frame that is used, which must be large enough."""
        window = self._find_window(frame)
        if window is None:
            return frame
        row, end_row, column, end_column = window
        if frame.page == 0 and min(end_row - row, end_column - column) < MINIMUM_SIDE_PX:
            crop = list(self._crop or ())
            if end_row <= row or end_column <= column:
                where = f"lies outside of {frame.path}, which is"
            else:
                where = f"leaves less than {MINIMUM_SIDE_PX} px of a side of {frame.path},"
            self.problems.append(
                f"preprocess.crop: {crop} {where} {frame.width} x {frame.height} pixels (width x "
                "height). Correct it in the configuration."
            )
            return frame
        return _cut(frame, window)

    def _find_pixel_source(self, images: Sequence[ImageHeader]) -> str:
        if "pixel_size_um" in self.row:
            return SHEET
        return ", ".join(dict.fromkeys(i.pixel_size_source for i in images if i.pixel_size_um))

    def _find_interval(
        self, image: ImageHeader, from_names: float | None
    ) -> tuple[float | None, str]:
        if not self.is_movie:
            return None, ""
        if "frame_interval_min" in self.row:
            return self.row["frame_interval_min"], SHEET
        if from_names is not None:
            return from_names, "file names"
        return image.frame_interval_min, image.frame_interval_source

    def _tell_contradictions(self, image: ImageHeader) -> list[str]:
        """Lines where the sheet has another pixel size or interval than the file."""
        entries = [
            ("pixel size", "pixel_size_um", "um"),
            ("frame interval", "frame_interval_min", "min"),
        ]
        notes = []
        for what, name, unit in entries[: 2 if self.is_movie else 1]:
            given, in_file = self.row.get(name), getattr(image, name)
            if _differ(in_file, given, tolerance=_ROUNDED):
                source = getattr(image, name.replace(f"_{unit}", "_source"))
                notes.append(
                    f"{what}: the sheet says {given:g} {unit}, which is used, the file {in_file:g} "
                    f"{unit} ({source})"
                )
        return notes

    # Labels

    def _assign_labels(
        self,
        column: str,
        frames: Sequence[Frame],
        values: Mapping[str, str],
        pairing: list[str],
    ) -> dict[int, Frame]:
        """Give each label image of a column the frame that it belongs to."""
        if column not in self.row:
            return {}
        labels = []
        for path in self._list_files(column, values):
            stem = find_stem(path)
            try:
                header = self._read_header(path, as_stored=True)
                image = header.images[0]
                if len(header.images) > 1:
                    raise InputError(
                        f"{path}: holds {len(header.images)} positions. Give label images in "
                        "files of one."
                    )
                if image.is_rgb:
                    raise InputError(
                        f"{path}: is a colour image. Save a label image: 0 for background, one "
                        "number per nucleus."
                    )
            except InputError as error:
                self.problems.append(f"{column}: {error}")
                labels.append(Frame(0, path, 0, stem, 0, 0))
                continue
            n_pages = image.n_frames * image.n_slices * image.n_channels
            stamp = None
            with contextlib.suppress(OSError):  # which is told when the file is read
                stamp = stamp_files(header.files or (path,))
            labels += [
                Frame(p, path, p, stem, image.height, image.width, inputs=header.files, stamp=stamp)
                for p in range(n_pages)
            ]
        if not labels:
            return {}
        try:
            found = self._pair_as_written(labels, frames) if column == "corrected" else None
            found = found or pair_labels([own.path for own in labels], [f.path for f in frames])
        except InputError as error:
            self.problems.append(f"{column}: {error}")
            return {}
        i, k = next(iter(found.pairs.items()))
        names = f"{Path(labels[k].path).name} to {Path(frames[i].path).name}"
        pairing.append(f"{column}: label images go to images {found.rule} ({names} and so on)")
        pairs = {frames[i].index: labels[k] for i, k in found.pairs.items()}
        of_index = {frame.index: frame for frame in frames}
        for index, label in pairs.items():
            frame = of_index[index]
            window = self._find_window(frame)
            used = frame if window is None else _cut(frame, window)
            if not label.height or not frame.height or label.shape == used.shape:
                continue
            if window is not None and label.shape == frame.shape:
                pairs[index] = _cut(label, window)
                continue
            part = "" if used is frame else f", or {used.width} x {used.height} of preprocess.crop"
            self.problems.append(
                f"{column}: {label.path}: is {label.width} x {label.height} pixels, but its "
                f"image {frame.path} is {frame.width} x {frame.height}{part}. "
                "Give the label image of this very image."
            )
        return pairs

    def _pair_as_written(self, labels: Sequence[Frame], frames: Sequence[Frame]) -> Pairing | None:
        """Pairs of label images that are named, or follow each other, as those that we write."""
        place = {frame.name: i for i, frame in enumerate(frames)}
        names = [label.name for label in labels]
        if len(set(names)) == len(names) and set(names) <= place.keys():
            return Pairing({place[name]: k for k, name in enumerate(names)}, "by equal names")
        # A movie has an empty page where a frame is missing.
        if self.is_movie and len(set(names)) == 1 and len(labels) == frames[-1].index + 1:
            return Pairing({i: frame.index for i, frame in enumerate(frames)}, "frame by frame")
        return None

    def _find_correction(
        self, frames: Sequence[Frame], values: Mapping[str, str], pairing: list[str]
    ) -> tuple[Correction | None, dict[int, Frame]]:
        """What takes the place of our results, and its label images where it is masks."""
        if "corrected" not in self.row:
            return None, {}
        path = fill_placeholders(self.row["corrected"], values)
        try:
            kind = recognise_correction(path)
        except InputError as error:
            self.problems.append(f"corrected: {error}")
            return None, {}
        labels: dict[int, Frame] = {}
        if kind == MASKS:
            labels = self._assign_labels("corrected", frames, values, pairing)
            files = list(dict.fromkeys(file for own in labels.values() for file in own.files))
        else:
            files = list_correction_files(path, kind)
            if not self.is_movie:
                self.problems.append(
                    f"corrected: {path} holds tracks ({kind}), and only a movie has tracks. Give "
                    "edited label images."
                )
        stamp = None
        with contextlib.suppress(OSError):  # which is told when the file is read
            stamp = stamp_files(files)
        return Correction(kind, path, tuple(files), stamp), labels

    def _keep_labelled(
        self, frames: list[Frame], labels: Mapping[int, Frame], left_out: list[str]
    ) -> list[Frame]:
        """The frames with a finished label image; the others are told, a movie needs all."""
        if "masks" in self.row:
            self.problems.append(
                "labels: stands beside 'masks'. Nothing is predicted where labels are given; for a "
                "model that learns from them, leave 'masks' empty and fill in 'train'."
            )
        without = [frame for frame in frames if frame.index not in labels]
        if not labels or not without:
            return frames  # or what is wrong is told already
        named = ", ".join(frame.name for frame in without[:3])
        more = f" and {len(without) - 3} more" if len(without) > 3 else ""
        if self.is_movie:
            self.problems.append(
                f"labels: {len(without)} of {len(frames)} frames have no label image ({named}"
                f"{more}). Give one for each, empty where there is no nucleus; or take these "
                "frames out of 'images'."
            )
            return frames
        left_out.append(f"{len(without)} image(s) without a label image: {named}{more}")
        return [frame for frame in frames if frame.index in labels]

    def _find_tracks(
        self, values: Mapping[str, str], frames: Sequence[Frame], shape: tuple[int, int] | None
    ) -> tuple[str | None, Window | None]:
        """The folder of true tracks, and the part of its masks that is used, None for all."""
        if "ground_truth_tracks" not in self.row:
            return None, None
        folder = fill_placeholders(str(self.row["ground_truth_tracks"]), values)
        window = None
        try:
            if not self.is_movie:
                raise InputError("only a movie has tracks.")
            if find_track_file(Path(folder)) is None:
                raise InputError(
                    f"there is no man_track.txt in '{folder}'. Give the folder TRA of a Cell "
                    "Tracking Challenge data set."
                )
            window = self._compare_tracks(read_ctc(folder)[1], frames, shape)
        except InputError as error:
            self.problems.append(f"ground_truth_tracks: {error}")
        return folder, window

    def _compare_tracks(
        self, masks: Sequence[Path], frames: Sequence[Frame], shape: tuple[int, int] | None
    ) -> Window | None:
        """Refuse true tracks of another movie; gives the part of their masks that is used."""
        n_frames, used = frames[-1].index + 1, frames[0]
        if len(masks) != n_frames:
            raise InputError(
                f"{masks[0].parent} has masks of {len(masks)} frames, but this movie has "
                f"{n_frames}. Give the truth of this very movie."
            )
        mask = self._read_header(str(masks[0]), as_stored=True).images[0]
        if (mask.height, mask.width) == used.shape or not used.height:
            return None
        if (mask.height, mask.width) == shape:
            return used.window
        raise InputError(
            f"{masks[0]}: is {mask.width} x {mask.height} pixels, but {used.width} x "
            f"{used.height} of each frame are used. Give the truth of this very movie."
        )

    def _select_training(self, frames: Sequence[Frame]) -> list[int]:
        wanted = self.row.get("train", "")
        indices = [frame.index for frame in frames]
        if not wanted or not frames:
            return []
        if wanted == "all":
            return indices
        if ":" in wanted:
            parts = [int(part) if part else None for part in wanted.split(":")]
            chosen = set(range(indices[-1] + 1)[slice(*parts)])
            selected = [index for index in indices if index in chosen]
        else:
            n = int(wanted)
            if n > len(frames):
                self.problems.append(
                    f"train: asks for {n} frames, but there are {len(frames)}. Use 'all'."
                )
            n = min(n, len(frames))
            step = (len(frames) - 1) / max(1, n - 1)
            selected = [indices[math.floor(i * step + 0.5)] for i in range(n)]
        if not selected:
            self.problems.append(
                f"train: '{wanted}' selects none of the {len(frames)} frames "
                f"(numbers 0 to {indices[-1]})."
            )
        return selected


def _cut(frame: Frame, window: Window) -> Frame:
    """The part of an image or a label image that a window takes."""
    row, end_row, column, end_column = window
    return dataclasses.replace(
        frame, height=end_row - row, width=end_column - column, window=window
    )


def _tell_crop(frames: Sequence[Frame]) -> list[str]:
    """A line on the parts of images that are used, where these are not all of them."""
    windows = [frame.window for frame in frames if frame.window is not None]
    if not windows:
        return []
    row, _, column, _ = windows[0]
    end_row, end_column = (max(window[i] for window in windows) for i in (1, 3))
    return [
        f"of each image only rows {row} to {end_row} and columns {column} to {end_column} are "
        "used (preprocess.crop); results count from their first pixel"
    ]


def _take_frames(labels: Mapping[int, Frame], frames: Sequence[Frame]) -> dict[int, Frame]:
    """The label images of these frames."""
    return {frame.index: labels[frame.index] for frame in frames if frame.index in labels}


def _drop_members(
    sources: Sequence[_Source], headers: Mapping[str, FileHeader | None]
) -> tuple[tuple[_Source, ...], list[str], dict[Path, str]]:
    """Leave out files that are read already as part of another one's set; the files of sets."""
    kept, left_out = [], []
    members: dict[Path, str] = {}
    for source in sources:
        path = source.paths[0]
        if whole := members.get(Path(path).resolve()):
            left_out.append(f"{path}: is read as part of the set that {whole} names")
            continue
        kept.append(source)
        header = headers[path]
        if header is not None and len(header.files) > 1:
            members |= {Path(file).resolve(): path for file in header.files}
    return tuple(kept), left_out, members


def _name_positions(names: Sequence[str]) -> list[str]:
    """Names of positions as parts of sample names; their numbers where that is not possible."""
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") for name in names]
    if all(plain) and len(set(plain)) == len(plain):
        return plain
    return [str(number) for number in range(1, len(names) + 1)]


def _split_field(position: str) -> dict[str, str]:
    """Well and site of a field of an OME-Zarr plate, whose name is row/column/field."""
    found = re.fullmatch(r"([A-Za-z]+)/(\d+)/(\w+)", position)
    return {"well": found[1] + found[2], "site": found[3]} if found else {}


def _check_image(image: ImageHeader, path: str, pixel_size_um: float | None) -> None:
    if min(image.height, image.width) < MINIMUM_SIDE_PX:
        raise InputError(
            f"{path}: is {image.width} x {image.height} pixels, at least "
            f"{MINIMUM_SIDE_PX} x {MINIMUM_SIDE_PX} are needed. Take it out of the sample sheet."
        )
    width, height = image.pixel_size_um, image.pixel_height_um
    if pixel_size_um is None and width and height and abs(width / height - 1) > 0.01:
        raise InputError(
            f"{path}: its pixels are not square, {width:g} um wide and {height:g} um high "
            f"({image.pixel_size_source}). Make them square (Fiji: Image > Scale...), or, if the "
            "file is wrong, say in the column 'pixel_size_um' what is right."
        )


def _differ(size: float | None, other: float | None, *, tolerance: float = 0.001) -> bool:
    return size is not None and other is not None and abs(size / other - 1) > tolerance


def _list_header_notes(headers: Mapping[str, FileHeader | None]) -> list[str]:
    """What files say of themselves that the user should know; the same of many files once."""
    where: dict[str, list[str]] = {}
    for path, header in headers.items():
        for note in header.notes if header else ():
            where.setdefault(note, []).append(path)
    return [f"{paths[0]}{_count_more(paths)}: {note}" for note, paths in where.items()]


def _count_more(paths: Sequence[str]) -> str:
    return f" and {len(paths) - 1} more" if len(paths) > 1 else ""

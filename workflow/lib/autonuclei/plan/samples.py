"""The sample sheet: rows of text become acquisitions whose every frame is known.

Only headers are read here, each once. All problems are collected and reported together.
"""

import contextlib
import csv
import functools
import glob
import itertools
import math
import os
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonuclei.errors import InputError
from autonuclei.io.images import MINIMUM_SIDE_PX, ImageHeader, count_frames, list_planes
from autonuclei.settings import list_problems

ReadHeader = Callable[[str], ImageHeader]

_NO_ROWS = (
    "has no rows yet. Add one line per movie or set of stills; config/README.md explains the "
    "columns."
)
MASK_SUFFIX = re.compile(r"[._-]?(masks?|labels?|gt|seg|truth|man_seg)$", re.IGNORECASE)


@dataclass(frozen=True)
class Frame:
    """One image: frame `page` of the file `path`. `name` is unique within its sample."""

    index: int
    path: str
    page: int
    name: str
    height: int
    width: int

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
    """One row of the sheet with its frames; `train`, `masks` and `truth` go by frame index.

    `shape` is the (height, width) of a movie's frames, None for stills.
    """

    experiment: str
    name: str
    kind: str
    frames: tuple[Frame, ...]
    shape: tuple[int, int] | None = None
    train: tuple[int, ...] = ()
    masks: Mapping[int, Frame] = field(default_factory=dict)
    truth: Mapping[int, Frame] = field(default_factory=dict)
    truth_tracks: str | None = None
    channel: str | None = None
    projection: str | None = None
    pixel_size_um: float | None = None
    frame_interval_min: float | None = None
    notes: tuple[str, ...] = ()

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
        return list(dict.fromkeys(frame.path for frame in self.frames))

    def describe_plane(self, frame: Frame) -> dict[str, Any]:
        """Keyword arguments of `io.images.read_plane` for one frame."""
        return {
            "path": frame.path,
            "frame": frame.page,
            "channel": self.channel,
            "projection": self.projection,
            "shape": self.shape,
        }

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
    skip_unreadable: bool = False,
) -> list[Sample]:
    """Read the sample sheet (tab-separated; lines that start with # are comments).

    Parameters
    ----------
    schema
        JSON schema of one row.
    read_header
        As `images.read_header`, or a cache of it.
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
    for line, row in rows:
        reader = _SampleReader(row, read_header, skip_unreadable)
        sample = reader.read()
        problems += [f"line {line}: {problem}" for problem in reader.problems]
        if sample is not None:
            samples.append(sample)
    problems += _compare_samples(rows)
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise InputError(f"{path}: {len(problems)} problem(s), nothing was started:\n{listed}")
    return samples


def _read_rows(
    path: Path, schema: Mapping[str, Any]
) -> tuple[list[tuple[int, dict[str, Any]]], list[str]]:
    if not path.is_file():
        raise InputError(f"{path}: no such sample sheet. Set 'samples' in the configuration.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text. Save it as tab-separated text.") from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise InputError(f"{path}: {_NO_ROWS}")
    header = [cell.strip() for cell in lines[0][1].split("\t")]
    problems = []
    if "experiment" not in header:
        raise InputError(
            f"{path}: the first line has no column 'experiment'. "
            "The columns must be named there and separated by tabs."
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
                    row[name] = float(row[name].replace(",", "."))
        found = list_problems(row, schema)
        if found:
            problems += [f"line {number}: {problem}" for problem in found]
        else:
            rows.append((number, row))
    if not rows and not problems:
        raise InputError(f"{path}: {_NO_ROWS}")
    return rows, problems


def _compare_samples(rows: Sequence[tuple[int, Mapping[str, Any]]]) -> list[str]:
    problems = []
    first: dict[tuple[str, str], int] = {}
    for line, row in rows:
        key = (row["experiment"], row["sample"])
        if key in first:
            problems.append(
                f"line {line}: the sample '{key[1]}' of experiment '{key[0]}' stands in line "
                f"{first[key]} already. Give each its own name."
            )
        first.setdefault(key, line)
    return problems


class _SampleReader:
    """Reads one row; collects what is wrong with it in `problems`."""

    def __init__(
        self, row: Mapping[str, Any], read_header: ReadHeader, skip_unreadable: bool
    ) -> None:
        self.row = row
        self.skips = skip_unreadable and row["kind"] == "stills"
        self.problems: list[str] = []
        self._read_header = read_header

    def read(self) -> Sample | None:
        row = self.row
        channel, projection = row.get("channel"), row.get("projection")
        files = self._list_files("images")
        headers, unreadable = self._read_headers(files, channel, projection)
        good = [header for header in headers.values() if header is not None]
        if not good or not self.skips:
            self.problems += unreadable
        if not good:
            return None
        frames, notes = self._list_frames(files, headers, projection)
        notes += [f"skipped: {problem}" for problem in unreadable]
        shape = self._find_shape(frames)
        truth = self._assign_labels("ground_truth", frames)
        masks = self._assign_labels("masks", frames)
        tracks = self._find_tracks()
        readable = [frame for frame in frames if frame.height] if self.skips else frames
        train = self._select_training(readable)
        return Sample(
            experiment=row["experiment"],
            name=row["sample"],
            kind=row["kind"],
            frames=tuple(frames),
            shape=shape,
            train=tuple(train),
            masks=masks,
            truth=truth,
            truth_tracks=tracks,
            channel=channel,
            projection=projection,
            pixel_size_um=row.get("pixel_size_um", good[0].pixel_size_um),
            frame_interval_min=row.get("frame_interval_min", good[0].frame_interval_min),
            notes=tuple(notes),
        )

    def _list_files(self, column: str) -> list[str]:
        pattern = str(Path(self.row[column]).expanduser())
        # Path.glob takes no absolute patterns.
        is_file = Path(pattern).is_file()
        matches = [pattern] if is_file else glob.glob(pattern, recursive=True)  # noqa: PTH207
        files = [name for name in matches if Path(name).is_file()]
        for name in files:
            if set(name) & set("{}<>"):
                self.problems.append(
                    f"{column}: {name}: has one of {{ }} < > in its name, which Snakemake takes "
                    "for a placeholder. Rename it."
                )
        if not files:
            hint = " For a folder of images add a pattern such as /*.tif." * Path(pattern).is_dir()
            self.problems.append(f"{column}: no file fits '{pattern}'.{hint}")
        return sorted(files, key=_natural_key)

    def _read_headers(
        self, files: Sequence[str], channel: str | None, projection: str | None
    ) -> tuple[dict[str, ImageHeader | None], list[str]]:
        """The headers of images by their files, None where one cannot be used, and why."""
        headers: dict[str, ImageHeader | None] = dict.fromkeys(files)
        unreadable = []
        for path in files:
            try:
                header = self._read_header(path)
                list_planes(header, path, channel=channel, projection=projection)
                if min(header.height, header.width) < MINIMUM_SIDE_PX:
                    raise InputError(
                        f"{path}: is {header.width} x {header.height} pixels, at least "
                        f"{MINIMUM_SIDE_PX} x {MINIMUM_SIDE_PX} are needed. "
                        "Take it out of the sample sheet."
                    )
                headers[path] = header
            except InputError as error:
                unreadable.append(str(error))
        return headers, unreadable

    def _list_frames(
        self,
        files: Sequence[str],
        headers: Mapping[str, ImageHeader | None],
        projection: str | None,
    ) -> tuple[list[Frame], list[str]]:
        is_movie = self.row["kind"] == "movie"
        notes: list[str] = []
        numbers = list(range(len(files)))
        if is_movie and len(files) > 1:
            numbers, notes = _number_files(files)
        frames: list[Frame] = []
        for number, path in zip(numbers, files, strict=True):
            header = headers[path]
            n_pages = 1 if header is None else count_frames(header, projection)
            if is_movie and len(files) > 1 and n_pages > 1:
                self.problems.append(
                    f"{path}: holds {n_pages} time points, but the movie has {len(files)} files. "
                    "Give each movie file a line of its own."
                )
            stem = _find_stem(path)
            for page in range(n_pages):
                frames.append(
                    Frame(
                        index=number if n_pages == 1 and is_movie else len(frames),
                        path=path,
                        page=page,
                        name=stem if n_pages == 1 else f"{stem}_{page:04d}",
                        height=0 if header is None else header.height,
                        width=0 if header is None else header.width,
                    )
                )
        names = [frame.name for frame in frames]
        if len(set(names)) < len(names):
            frames = [
                Frame(f.index, f.path, f.page, f"{f.name}_{f.index:04d}", f.height, f.width)
                for f in frames
            ]
        return frames, notes

    def _find_shape(self, frames: Sequence[Frame]) -> tuple[int, int] | None:
        """Height and width that most frames of a movie have."""
        sizes = Counter((frame.height, frame.width) for frame in frames if frame.height)
        if self.row["kind"] != "movie" or not sizes:
            return None
        common = sizes.most_common(1)[0][0]
        if len(sizes) > 1:
            odd = next(f for f in frames if f.height and (f.height, f.width) != common)
            self.problems.append(
                f"{odd.path}: is {odd.width} x {odd.height} pixels, but most frames of this movie "
                f"are {common[1]} x {common[0]}. Use kind 'stills' or take it out."
            )
        return common

    def _assign_labels(self, column: str, frames: Sequence[Frame]) -> dict[int, Frame]:
        """Give each label image of a column the frame that it belongs to."""
        if column not in self.row:
            return {}
        labels = []
        for path in self._list_files(column):
            stem = Path(path).stem
            try:
                header = self._read_header(path)
            except InputError as error:
                self.problems.append(str(error))
                labels.append(Frame(0, path, 0, stem, 0, 0))
                continue
            if header.is_rgb:
                self.problems.append(
                    f"{column}: {path}: is a colour image. Save a label image: 0 for background, "
                    "one number per nucleus."
                )
                continue
            n_pages = header.n_frames * header.n_slices * header.n_channels
            labels += [Frame(p, path, p, stem, header.height, header.width) for p in range(n_pages)]
        if not labels:
            return {}
        pairs = _pair_labels(labels, frames)
        if pairs is None:
            self.problems.append(
                f"{column}: {len(labels)} label images for {len(frames)} images, and the file "
                "names do not say which belongs to which. Name each like its image."
            )
            return {}
        of_index = {frame.index: frame for frame in frames}
        pairs = {index: label for index, label in pairs.items() if of_index[index].height}
        for index, label in pairs.items():
            frame = of_index[index]
            if label.height and (frame.height, frame.width) != (label.height, label.width):
                self.problems.append(
                    f"{column}: {label.path}: is {label.width} x {label.height} pixels, but its "
                    f"image {frame.path} is {frame.width} x {frame.height}. "
                    "Give the label image of this very image."
                )
        return pairs

    def _find_tracks(self) -> str | None:
        if "ground_truth_tracks" not in self.row:
            return None
        folder = str(self.row["ground_truth_tracks"])
        if self.row["kind"] != "movie":
            self.problems.append("ground_truth_tracks: only a movie has tracks.")
        elif not list(Path(folder).glob("man_track.txt")):
            self.problems.append(
                f"ground_truth_tracks: there is no man_track.txt in '{folder}'. "
                "Give the folder TRA of a Cell Tracking Challenge data set."
            )
        return folder

    def _select_training(self, frames: Sequence[Frame]) -> list[int]:
        wanted = self.row.get("train", "")
        indices = [frame.index for frame in frames]
        if not wanted:
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


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), part) if part.isdigit() else (0, 0, part) for part in parts]


def _number_files(files: Sequence[str]) -> tuple[list[int], list[str]]:
    """Frame numbers of a movie in single files, from the one number that counts up in the names.

    A missing file leaves a gap in the numbers, which is told; it is not closed.
    """
    plain = list(range(len(files)))
    fields = [re.findall(r"\d+", Path(name).name) for name in files]
    shapes = {re.sub(r"\d+", "#", Path(name).name) for name in files}
    if len(shapes) > 1:
        return plain, []
    varying = [k for k in range(len(fields[0])) if len({f[k] for f in fields}) > 1]
    if len(varying) != 1:
        return plain, []
    counted = [int(f[varying[0]]) for f in fields]
    steps = [b - a for a, b in itertools.pairwise(counted)]
    step = math.gcd(*steps)
    if step == 0 or min(steps) <= 0:
        return plain, []
    numbers = [(value - counted[0]) // step for value in counted]
    known = set(counted)
    missing = [n for n in range(counted[0], counted[-1], step) if n not in known]
    if len(missing) > len(files):
        return plain, []  # not a sequence: numbers of wells or dates
    notes = []
    if missing:
        listed = ", ".join(map(str, missing[:10])) + (" ..." if len(missing) > 10 else "")
        notes.append(
            f"{len(missing)} file(s) missing from the sequence {files[0]} to "
            f"{Path(files[-1]).name} (number {listed}); the gap stays in the frame numbers"
        )
    return numbers, notes


def _pair_labels(labels: Sequence[Frame], frames: Sequence[Frame]) -> dict[int, Frame] | None:
    """Frame index to label image, by name, by the last number in the name, or else by order.

    None if neither works, or if the numbers speak against the order.
    """
    named = _key_uniquely((_find_stem(frame.path), frame) for frame in frames)
    numbered = _key_uniquely((_find_number(frame.path), frame) for frame in frames)
    for known, keys in (
        (named, [_find_stem(label.path) for label in labels]),
        (named, [MASK_SUFFIX.sub("", _find_stem(label.path)) for label in labels]),
        (numbered, [_find_number(label.path) for label in labels]),
    ):
        if len(set(keys)) == len(keys) and known.keys() >= set(keys):
            return {known[key].index: label for key, label in zip(keys, labels, strict=True)}
    if len(labels) != len(frames):
        return None
    given = {number for label in labels if (number := _find_number(label.path)) is not None}
    asked = {number for number in numbered if number is not None}
    if len(given) == len(labels) and given & asked and {min(given), min(asked)} != {0, 1}:
        return None
    return {frame.index: label for frame, label in zip(frames, labels, strict=True)}


def _find_stem(path: str) -> str:
    return re.sub(r"\.ome$", "", Path(path).stem, flags=re.IGNORECASE)


def _find_number(path: str) -> int | None:
    digits = re.findall(r"\d+", _find_stem(path))
    return int(digits[-1]) if digits else None


def _key_uniquely(items: Iterable[tuple[Any, Frame]]) -> dict[Any, Frame]:
    """A dictionary, empty when two items have the same key."""
    items = list(items)
    known = dict(items)
    return known if len(known) == len(items) else {}

"""Data sets with a ground truth, and results of any program, in the layouts of the field."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.export.ctc import TRACK_FILES
from autonuclei.io.images import open_image, read_file_header, read_header
from autonuclei.io.label_images import read_label_image
from research.ablation import split_groups

Labels = npt.NDArray[np.int32]
ReadLabels = Callable[[], Labels]
# Frames of a movie by number, stills by name.
Key = int | str

IMAGE_FOLDERS = ("images", "frames")
MASK_FOLDERS = ("masks", "ground_truth", "labels")
IMAGE_ENDINGS = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp"}
RUN_COLUMNS = {"ImageId", "EncodedPixels"}
WHAT_WAS_LOOKED_FOR = (
    "01/t000.tif with 01_GT or 01_ST (Cell Tracking Challenge), images/ with masks/ of the same "
    "names, images/ with a .csv of ImageId and EncodedPixels"
)


@dataclass(frozen=True)
class Recording:
    """A movie or a set of stills, with what is known of it.

    Attributes
    ----------
    images
        Where there are none, only given masks and results can be scored.
    truths
        Label images by their kind (gold, silver, masks), for those frames that have one.
    tracks
        Folder with true tracks.
    training
        Images to learn from; label-free, so those of the test where a layout names no others.
    """

    name: str
    is_movie: bool
    images: dict[Key, Path]
    truths: dict[str, dict[Key, ReadLabels]]
    tracks: Path | None = None
    training: dict[Key, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a method made of a recording.

    Attributes
    ----------
    labels
        Label images of those frames that have one.
    tracks
        Folder of results in the layout of the Cell Tracking Challenge; None: no tracks.
    cpu_s
        CPU-seconds of the method; NaN: not known.
    """

    labels: Mapping[Key, ReadLabels]
    tracks: Path | None = None
    cpu_s: float = float("nan")


def read_recordings(folder: Path) -> list[Recording]:
    """Find out in which layout a data set is, and list its recordings.

    Raises
    ------
    InputError
        No layout is known, or files do not go together.
    """
    for read in (_read_challenge, _read_stills):
        recordings = list(read(folder))
        if recordings:
            return recordings
    raise InputError(f"{folder}: no known layout. Looked for: {WHAT_WAS_LOOKED_FOR}.")


def _list_images(folder: Path) -> dict[Key, Path]:
    """Image files by name without ending."""
    files: dict[Key, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_ENDINGS:
            if path.stem in files:
                raise InputError(
                    f"{folder}: {files[path.stem].name} and {path.name} have the same name. Take "
                    "one out."
                )
            files[path.stem] = path
    return files


def _number_files(folder: Path, pattern: str) -> dict[Key, Path]:
    """Files by the number in their names."""
    names = re.compile(pattern + r"(\d+)\.tiff?", re.IGNORECASE)
    found = {path: names.fullmatch(path.name) for path in folder.iterdir()}
    files: dict[Key, Path] = {int(name[1]): path for path, name in found.items() if name}
    return dict(sorted(files.items()))


def _read_challenge(folder: Path) -> Iterator[Recording]:
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    sequences = {name[:2] for name in names if re.fullmatch(r"\d\d_(GT|ST)", name)}
    for name in sorted(sequences):
        truths: dict[str, dict[Key, ReadLabels]] = {}
        for kind, ending in (("gold", "GT"), ("silver", "ST")):
            masks = folder / f"{name}_{ending}" / "SEG"
            if masks.is_dir():
                files = _number_files(masks, "man_seg")
                if not files:
                    raise InputError(
                        f"{masks}: no man_seg000.tif is in it. Masks of single slices are of "
                        "images in three dimensions, which are not evaluated."
                    )
                truths[kind] = {key: partial(read_label_image, path) for key, path in files.items()}
        tracks = folder / f"{name}_GT" / "TRA"
        raw = folder / name
        images = _number_files(raw, "t") if raw.is_dir() else {}
        yield Recording(
            name,
            is_movie=True,
            images=images,
            truths=truths,
            tracks=tracks if tracks.is_dir() else None,
        )


def _read_stills(folder: Path) -> Iterator[Recording]:
    paths = [folder / name for name in IMAGE_FOLDERS if (folder / name).is_dir()]
    if not paths:
        return
    images = _list_images(paths[0])
    masks = next((folder / name for name in MASK_FOLDERS if (folder / name).is_dir()), None)
    if masks is not None:
        truth: dict[Key, ReadLabels] = {
            key: partial(read_mask, path) for key, path in _list_images(masks).items()
        }
    else:
        lists = [path for path in sorted(folder.glob("*.csv")) if _has_runs(path)]
        if len(lists) != 1:
            return
        truth = _read_run_list(lists[0], images)
    if not images.keys() & truth.keys():
        raise InputError(
            f"{folder}: no image has masks of its name ({min(truth, default='none')} for "
            f"{min(images, default='none')}). Name them alike."
        )
    for name, training, test in _split_stills(folder, list(images), truth):
        yield Recording(
            name,
            is_movie=False,
            images={key: images[key] for key in test},
            truths={"masks": {key: truth[key] for key in test}},
            training={key: images[key] for key in training},
        )


def _split_stills(
    folder: Path, images: Sequence[Key], truth: Iterable[Key]
) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """Name, training and test images of each group.

    By a file of groups, by the lists of BBBC039, or else all images that have masks are for the
    test, and the others to learn from.
    """
    known = set(truth)
    manifest, lists = folder / "manifest.csv", folder / "metadata"
    if manifest.is_file():
        with manifest.open(newline="") as file:
            rows = list(csv.DictReader(file))
        if rows and {"id", "group", "paper_subset"} <= rows[0].keys():
            for name, parts in split_groups(rows).items():
                yield name, parts["train"], parts["test"]
            return
    if (lists / "test.txt").is_file():
        parts = {
            name: [Path(line).stem for line in (lists / f"{name}.txt").read_text().split()]
            for name in ("training", "test")
            if (lists / f"{name}.txt").is_file()
        }
        absent = [key for own in parts.values() for key in own if key not in images]
        if absent or not set(parts["test"]) <= known:
            raise InputError(
                f"{lists}: names {(absent or ['images'])[0]}, which has no image or no masks. "
                "Unpack images.zip and masks.zip beside it."
            )
        yield folder.name, parts.get("training", []), parts["test"]
        return
    yield (
        folder.name,
        [key for key in images if key not in known],
        [key for key in images if key in known],
    )


def read_mask(path: Path) -> Labels:
    """Read a label image; of the colour images of BBBC039 the first channel.

    There a number stands for several nuclei that do not touch.
    """
    if not read_file_header(path, as_stored=True).images[0].is_rgb:
        return read_label_image(path)
    from skimage.measure import label

    plane = open_image(path, as_stored=True).read(0, frame=0, z=0, channel=0)
    return np.asarray(label(plane[..., 0]), np.int32)


def _has_runs(path: Path) -> bool:
    with path.open(newline="") as file:
        return set(next(csv.reader(file), [])) >= RUN_COLUMNS


def _read_run_list(path: Path, images: Mapping[Key, Path]) -> dict[Key, ReadLabels]:
    runs: dict[Key, list[str]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            runs.setdefault(Path(row["ImageId"]).stem, []).append(row["EncodedPixels"])
    return {
        key: partial(_draw_image_runs, own, images[key], path)
        for key, own in runs.items()
        if key in images
    }


def _draw_image_runs(runs: Sequence[str], image: Path, path: Path) -> Labels:
    header = read_header(image)
    try:
        return draw_runs(runs, (header.height, header.width))
    except ValueError as error:
        raise InputError(f"{path}: {image.name}: {error}. Correct its rows.") from error


def draw_runs(runs: Sequence[str], shape: tuple[int, int]) -> Labels:
    """Draw nuclei that are given as run lengths, as of the Data Science Bowl of 2018.

    Parameters
    ----------
    runs
        For each nucleus "start length start length ...": pixels are counted from 1, down the
        columns.
    shape
        Height and width.

    Raises
    ------
    ValueError
        The numbers are no runs within the image.
    """
    labels = np.zeros(shape[0] * shape[1], np.int32)
    for number, text in enumerate(runs, start=1):
        values = np.array([int(word) for word in text.split()], np.int64)
        if len(values) % 2:
            raise ValueError(f"nucleus {number} has an odd count of numbers")
        for start, length in values.reshape(-1, 2):
            if start < 1 or length < 1 or start - 1 + length > labels.size:
                raise ValueError(f"the run {start} {length} of nucleus {number} is not in it")
            labels[start - 1 : start - 1 + length] = number
    return np.ascontiguousarray(labels.reshape(shape[1], shape[0]).T)


def read_result(folder: Path, recording: Recording) -> Result:
    """Find the results of any program for a recording.

    A folder of the Cell Tracking Challenge (`01_RES`, or the folder itself), results of the
    workflow, or label images: of the number of the frame, or of the name of the image, also with
    `_` and more behind it (`NAME_cp_masks.png` of Cellpose).

    Raises
    ------
    InputError
        There is nothing of this recording in it.
    """
    name = recording.name
    places = [folder / f"{name}_RES", folder / name, folder]
    if recording.is_movie:
        places[1:1] = [folder / "tracking" / name / "ctc", *sorted(folder.glob("tracking/*/ctc"))]
        for place in places:
            if any((place / file).is_file() for file in TRACK_FILES):
                files = _number_files(place, "(?:man_track|mask)")
                return Result(_make_readers(files), place)
    else:
        places[:0] = sorted(folder.glob("segmentation/*/labels"))
    for place in places:
        if place.is_dir():
            found = _match_names(recording, place)
            if found:
                return Result(_make_readers(found))
    raise InputError(
        f"{folder}: no result for {name}. Looked for: {name}_RES or tracking/ with res_track.txt, "
        "label images with the names or frame numbers of the images."
    )


def _match_names(recording: Recording, place: Path) -> dict[Key, Path]:
    files = _list_images(place)
    wanted = {key for truth in recording.truths.values() for key in truth}
    if recording.is_movie:
        numbers = {path: re.search(r"(\d+)\D*$", path.stem) for path in files.values()}
        return {int(n[1]): path for path, n in numbers.items() if n and int(n[1]) in wanted}
    found: dict[Key, Path] = {}
    for key in wanted:
        own = [path for stem, path in files.items() if f"{stem}_".startswith(f"{key}_")]
        if len(own) > 1:
            raise InputError(f"{place}: {own[0].name} and {own[1].name} are both of {key}.")
        if own:
            found[key] = own[0]
    return found


def _make_readers(files: Mapping[Key, Path]) -> dict[Key, ReadLabels]:
    return {key: partial(read_label_image, path) for key, path in files.items()}

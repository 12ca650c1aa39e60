"""Tracks in the layout of the Cell Tracking Challenge.

`res_track.txt` has a line "L B E P" per track: label, first and last frame (from 0), label of
the parent or 0. `mask000.tif` and so on hold the label images (Ulman et al. 2017, Nature
Methods 14:1141; https://celltrackingchallenge.net). A ground truth has `man_track.txt` and
`man_track000.tif` instead.

The challenge asks that a track has a mask in each of its frames. A track with a gap is
therefore written as several: the first keeps the track's number, the later parts get new
numbers above all tracks and have the part before as parent. A parent with one child that does
not follow at once is such a gap, not a division.
"""

import os
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile

from autonuclei.errors import InputError
from autonuclei.export.frames import recolour_frames
from autonuclei.io.files import write_beside
from autonuclei.io.label_frames import LabelFrames

# Of results and of a ground truth.
TRACK_FILES = ("res_track.txt", "man_track.txt")
TRACK_COLUMNS = ("label", "begin", "end", "parent")
_MASK_NAME = re.compile(r"(?:man_track|mask)(\d+)\.tiff?", re.IGNORECASE)


def make_ctc_tracks(tracks: pd.DataFrame) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """Give each nucleus its Cell Tracking Challenge label, and list those labels' tracks.

    Parameters
    ----------
    tracks : DataFrame
        Track table.

    Returns
    -------
    labels : (n,) int64
        The label of each row: its track number, or a new one after a gap.
    table : DataFrame
        `label`, `begin`, `end`, `parent`; by label.
    """
    rows = tracks[["track", "frame", "parent"]].reset_index(drop=True)
    rows = rows.sort_values(["track", "frame"])
    before = rows.shift()
    is_same = rows["track"] == before["track"]
    rows["after_gap"] = is_same & (rows["frame"] > before["frame"] + 1)
    part = (~is_same | rows["after_gap"]).cumsum() - 1
    parts = rows.groupby(part).agg(
        track=("track", "first"),
        begin=("frame", "first"),
        end=("frame", "last"),
        mother=("parent", "first"),
        after_gap=("after_gap", "first"),
    )
    is_new = parts["after_gap"].to_numpy(bool)
    label = parts["track"].to_numpy(np.int64, copy=True)
    label[is_new] = label.max(initial=0) + 1 + np.arange(is_new.sum())
    parts["label"] = label
    # Daughters descend from the last part of a mother with gaps.
    last_part = parts.groupby("track")["label"].last()
    mother = parts["mother"].map(last_part).fillna(0)
    parts["parent"] = parts["label"].shift().where(is_new, mother)
    labels = np.empty(len(rows), np.int64)
    labels[rows.index] = label[part]
    table = parts[list(TRACK_COLUMNS)].astype(np.int64)
    return labels, table.sort_values("label", ignore_index=True)


def write_ctc(
    folder: str | os.PathLike[str],
    tracks: pd.DataFrame,
    *,
    labels: LabelFrames,
    n_frames: int,
) -> pd.DataFrame:
    """Write tracks as a folder of results of the Cell Tracking Challenge, replacing an older one.

    Masks are 16-bit as the challenge asks, 32-bit where there are more than 65535 labels.

    Parameters
    ----------
    folder
        The folder to write.
    tracks : DataFrame
        Track table.
    labels : sequence of (height, width) int
        The label image of each frame: an array (frames, height, width), a list or a `LabelStore`.
    n_frames : int

    Returns
    -------
    DataFrame
        The lines of the track file: `label`, `begin`, `end`, `parent`.

    Raises
    ------
    InputError
        Table and label images do not hold the same nuclei.
    """
    numbers, table = make_ctc_tracks(tracks)
    largest = int(numbers.max(initial=0))
    dtype = np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32
    digits = max(3, len(str(n_frames - 1)))
    with write_beside(folder) as partial:
        partial.mkdir()
        table.to_csv(
            partial / TRACK_FILES[0], sep=" ", header=False, index=False, lineterminator="\n"
        )
        pages = recolour_frames(
            tracks, values=numbers, labels=labels, n_frames=n_frames, dtype=dtype
        )
        for number, page in enumerate(pages):
            name = f"mask{number:0{digits}d}.tif"
            tifffile.imwrite(partial / name, page[:, :], compression="zlib")
    return table


def read_ctc(folder: str | os.PathLike[str]) -> tuple[pd.DataFrame, list[Path]]:
    """Read the track file and list the masks of a Cell Tracking Challenge folder.

    Ground truth (`man_track.txt`, `man_track000.tif`) and results (`res_track.txt`,
    `mask000.tif`) are both understood, either file with either masks, and a folder that has such
    a folder `TRA` inside.

    Returns
    -------
    table : DataFrame
        `label`, `begin`, `end`, `parent`; by label.
    masks : list of Path
        In the order of frames.

    Raises
    ------
    InputError
        A file is missing, there twice or not in the layout, or a number is missing in the
        sequence of masks.
    """
    folder = Path(folder)
    if (folder / "TRA").is_dir():
        folder = folder / "TRA"
    track_files = [folder / name for name in TRACK_FILES if (folder / name).is_file()]
    if not track_files:
        raise InputError(
            f"{folder}: neither {' nor '.join(TRACK_FILES)} is in it. Give a folder in the "
            "layout of the Cell Tracking Challenge."
        )
    if len(track_files) > 1:
        raise InputError(
            f"{folder}: {' and '.join(TRACK_FILES)} are both in it. Take out the one that is not "
            "meant."
        )
    (track_file,) = track_files
    rows = []
    text = track_file.read_text(encoding="ascii", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, begin, end, parent = (int(word) for word in line.split())
            if max(label, begin, end, parent) > np.iinfo(np.int32).max or label < 1:
                raise ValueError
        except ValueError:
            raise InputError(
                f"{track_file}: line {number} is {line!r}, not four whole numbers (label, "
                "begin, end, parent). Correct it."
            ) from None
        rows.append((label, begin, end, parent))
    table = pd.DataFrame(rows, columns=list(TRACK_COLUMNS), dtype=np.int64)
    table = table.sort_values("label", ignore_index=True)
    masks: dict[int, Path] = {}
    for file in folder.iterdir():
        if name := _MASK_NAME.fullmatch(file.name):
            other = masks.setdefault(int(name[1]), file)
            if other != file:
                names = " and ".join(sorted((other.name, file.name)))
                raise InputError(
                    f"{folder}: {names} are both the mask of frame {int(name[1])}. Take out the "
                    "one that is not meant."
                )
    missing = sorted(set(range(max(masks, default=-1) + 1)) - set(masks))
    if missing or not masks:
        raise InputError(
            f"{folder}: the mask of frame {missing[0] if missing else 0} is missing. Every frame "
            "needs a mask."
        )
    return table, [masks[number] for number in sorted(masks)]

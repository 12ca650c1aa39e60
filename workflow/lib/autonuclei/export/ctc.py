"""Tracks in the layout of the Cell Tracking Challenge.

`man_track.txt` has a line "L B E P" per track: label, first and last frame (from 0), label of
the parent or 0. `mask000.tif` and so on hold the label images (Ulman et al. 2017, Nature
Methods 14:1141; https://celltrackingchallenge.net).

The challenge asks that a track has a mask in each of its frames. A track with a gap is
therefore written as several: the first keeps the track's number, the later parts get new
numbers above all tracks and have the part before as parent. A parent with one child that does
not follow at once is such a gap, not a division.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile

from autonuclei.errors import InputError
from autonuclei.export.track_labels import ReadPage, recolour_frames
from autonuclei.io.files import write_beside

TRACK_FILE = "man_track.txt"
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
    if len(tracks) == 0:
        return np.zeros(0, np.int64), _make_table(np.zeros((0, 4), np.int64))
    frame = tracks["frame"].to_numpy(np.int64)
    track = tracks["track"].to_numpy(np.int64)
    parent = tracks["parent"].to_numpy(np.int64)
    order = np.lexsort((frame, track))
    frame, track, parent = frame[order], track[order], parent[order]
    same = np.concatenate([[False], track[1:] == track[:-1]])
    after_gap = same & np.concatenate([[False], np.diff(frame) > 1])
    starts = np.flatnonzero(~same | after_gap)
    ends = np.concatenate([starts[1:], [len(track)]]) - 1
    label = track[starts].copy()
    fresh = after_gap[starts]
    label[fresh] = track.max() + 1 + np.arange(fresh.sum())
    last_label: dict[int, int] = {}
    parents = []
    for number, own, is_fresh, mother in zip(
        track[starts].tolist(), label.tolist(), fresh.tolist(), parent[starts].tolist(), strict=True
    ):
        parents.append(last_label[number] if is_fresh else mother)
        last_label[number] = own
    # Daughters descend from the last part of a mother with gaps.
    parents = [
        mother if is_fresh or mother == 0 else last_label[mother]
        for mother, is_fresh in zip(parents, fresh.tolist(), strict=True)
    ]
    labels = np.empty(len(track), np.int64)
    labels[order] = np.repeat(label, ends - starts + 1)
    table = _make_table(np.stack([label, frame[starts], frame[ends], np.asarray(parents)], axis=1))
    return labels, table


def _make_table(numbers: npt.NDArray[np.int64]) -> pd.DataFrame:
    table = pd.DataFrame(numbers, columns=list(TRACK_COLUMNS))
    return table.sort_values("label", ignore_index=True)


def write_ctc(
    folder: str | os.PathLike[str],
    tracks: pd.DataFrame,
    *,
    read_labels: ReadPage,
    n_frames: int,
) -> pd.DataFrame:
    """Write tracks as a Cell Tracking Challenge folder, replacing an older one.

    Masks are 16-bit as the challenge asks, 32-bit where there are more than 65535 labels.

    Returns
    -------
    DataFrame
        The lines of the track file: `label`, `begin`, `end`, `parent`.

    Raises
    ------
    InputError
        Table and label images do not hold the same nuclei.
    """
    labels, table = make_ctc_tracks(tracks)
    largest = int(labels.max(initial=0))
    dtype = np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32
    digits = max(3, len(str(n_frames - 1)))
    with write_beside(folder) as partial:
        partial.mkdir()
        lines = "".join(f"{a} {b} {c} {d}\n" for a, b, c, d in table.to_numpy().tolist())
        (partial / TRACK_FILE).write_text(lines, encoding="ascii")
        pages = recolour_frames(
            tracks, values=labels, read_labels=read_labels, n_frames=n_frames, dtype=dtype
        )
        for number, page in enumerate(pages):
            name = f"mask{number:0{digits}d}.tif"
            tifffile.imwrite(partial / name, page, compression="zlib")
    return table


def read_ctc(folder: str | os.PathLike[str]) -> tuple[pd.DataFrame, list[Path]]:
    """Read the track file and list the masks of a Cell Tracking Challenge folder.

    Ground truth (`man_track.txt`, `man_track000.tif`) and results (`res_track.txt`,
    `mask000.tif`) are both understood, and a folder that has such a folder `TRA` inside.

    Returns
    -------
    table : DataFrame
        `label`, `begin`, `end`, `parent`; by label.
    masks : list of Path
        In the order of frames.

    Raises
    ------
    InputError
        A file is missing or not in the layout, or a number is missing in the sequence of masks.
    """
    folder = Path(folder)
    if (folder / "TRA").is_dir():
        folder = folder / "TRA"
    track_file = next(
        (folder / name for name in (TRACK_FILE, "res_track.txt") if (folder / name).is_file()), None
    )
    if track_file is None:
        raise InputError(
            f"{folder}: neither {TRACK_FILE} nor res_track.txt is in it. Give a folder in the "
            "layout of the Cell Tracking Challenge."
        )
    rows = []
    text = track_file.read_text(encoding="ascii", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, begin, end, parent = (int(word) for word in line.split())
        except ValueError:
            raise InputError(
                f"{track_file}: line {number} is {line!r}, not four whole numbers. Correct it."
            ) from None
        rows.append((label, begin, end, parent))
    table = _make_table(np.array(rows, np.int64).reshape(-1, 4))
    masks = {}
    for file in folder.iterdir():
        if name := _MASK_NAME.fullmatch(file.name):
            masks[int(name[1])] = file
    missing = sorted(set(range(max(masks, default=-1) + 1)) - set(masks))
    if missing or not masks:
        raise InputError(
            f"{folder}: the mask of frame {missing[0] if missing else 0} is missing. Every frame "
            "needs a mask."
        )
    return table, [masks[number] for number in sorted(masks)]


def read_ctc_links(
    folder: str | os.PathLike[str],
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Give each link of a Cell Tracking Challenge folder as two (frame, label) pairs.

    Links run between the masks that are there, over frames without the label, and from the
    last mask of a parent to the first of a child.

    Raises
    ------
    InputError
        As `read_ctc`.
    """
    table, masks = read_ctc(folder)
    last: dict[int, int] = {}
    parent = dict(zip(table["label"].tolist(), table["parent"].tolist(), strict=True))
    for frame, mask in enumerate(masks):
        for label in np.unique(tifffile.imread(mask)).tolist():
            if label == 0:
                continue
            if label in last:
                yield (last[label], label), (frame, label)
            elif parent.get(label, 0):
                mother = parent[label]
                yield (last[mother], mother), (frame, label)
            last[label] = frame

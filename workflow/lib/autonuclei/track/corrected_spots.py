"""Corrections from spots and links: an edited TrackMate file or GEFF folder.

A spot that was not touched keeps every pixel of our mask, holes and pieces too. Another one is
drawn: from its outline, as a circle, or, where only its place was changed and it has no outline,
as our mask moved along. Where drawn nuclei overlap, untouched ones keep their pixels, and of two
drawn ones the smaller does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage as ndi

from autonuclei.errors import InputError
from autonuclei.io.geff_folder import GeffGraph
from autonuclei.io.label_frames import LabelFrames
from autonuclei.io.trackmate_file import TrackMateFile
from autonuclei.labels.drawing import fill_circle, fill_polygon
from autonuclei.labels.numbers import keep_labels
from autonuclei.labels.outlines import trace_outlines
from autonuclei.track.corrections import (
    LINK_COLUMNS,
    Corrections,
    list_some,
    refuse_merges,
    refuse_other_movie,
)

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

# Lengths that differ by less are the same: files hold them rounded, and users do not see it.
_SAME_PX = 0.05
# Two masks are of the same nucleus if they share more of their union; so one has only one.
_SAME_IOU = 0.5


class _Drawn(NamedTuple):
    """A frame: the labels that stay as they are, and the pixels of the others by label."""

    kept: Ints
    pixels: dict[int, Ints]


class _Frame:
    """Our label image of a frame, and what is made from it when it is needed."""

    def __init__(self, labels: Array, rows: pd.DataFrame) -> None:
        self.labels = labels
        self.shape = labels.shape
        radius = np.sqrt(rows["area_px"].to_numpy(np.float64) / np.pi)
        place = zip(rows["y_px"].to_list(), rows["x_px"].to_list(), radius.tolist(), strict=True)
        self._circles: dict[int, tuple[float, float, float]]
        self._circles = dict(zip(rows["label"].to_list(), place, strict=True))

    @cached_property
    def outlines(self) -> Any:
        return trace_outlines(self.labels)

    @cached_property
    def areas(self) -> Ints:
        return np.bincount(self.labels.ravel())

    @cached_property
    def boxes(self) -> list[Any]:
        return list(ndi.find_objects(self.labels))

    def get_circle(self, label: int) -> tuple[float, float, float]:
        """Row and column of a nucleus, and the radius of the circle with its area."""
        return self._circles[label]

    def get_corners(self, label: int) -> npt.NDArray[np.float64]:
        """Outline where pixel centres are at whole numbers."""
        return np.asarray(self.outlines.get_corners(label) - 0.5)

    def shift(self, label: int, step: Ints) -> Ints:
        """Pixels of a nucleus moved by whole pixels, rows first; those outside are left out."""
        box = self.boxes[label - 1]
        places = np.argwhere(self.labels[box] == label) + [part.start for part in box] + step
        places = places[((places >= 0) & (places < self.shape)).all(axis=1)]
        return np.asarray(places[:, 0] * self.shape[1] + places[:, 1], np.int64)


# The pixels of a spot (by row) that claims to be our nucleus of a label, 0 = of none; None where
# it is untouched.
_Draw = Callable[[int, int, _Frame], Ints | None]


@dataclass(frozen=True)
class _Given:
    """Spots and links as they were given; all but the links by row of the spots."""

    source: object
    noun: str
    ids: Ints
    frames: Ints
    # Which nucleus of ours in its frame a spot says that it is, 0 = none.
    claims: Ints
    shown: npt.NDArray[np.bool_]
    links: pd.DataFrame
    draw: _Draw

    def name(self, spot: int) -> str:
        return f"{self.noun}{self.ids[spot]} (frame {self.frames[spot]})"


@dataclass(frozen=True)
class _Ours:
    """Our results of the same movie."""

    tracks: pd.DataFrame
    labels: LabelFrames
    n_frames: int
    shape: tuple[int, int]

    def read(self, number: int) -> npt.NDArray[np.int32]:
        image = self.labels[number]
        if image.shape != self.shape:
            raise InputError(
                f"masks: frame {number} has shape {image.shape}, the movie {self.shape}. Use the "
                "masks of the movie."
            )
        return np.asarray(image).astype(np.int32)


def correct_trackmate(
    file: TrackMateFile,
    *,
    tracks: pd.DataFrame,
    labels: LabelFrames,
    n_frames: int,
    shape: tuple[int, int],
) -> Corrections:
    """Take nuclei and links from a TrackMate file that was ours and that a user edited.

    Spots and tracks that a filter hides in TrackMate are left out, as TrackMate leaves them out of
    its own results.

    Parameters
    ----------
    file : TrackMateFile
    tracks : DataFrame
        Track table from which our file was written: a spot's ID is its row number.
    labels : sequence of (height, width) int
        Our label image of each frame.
    n_frames, shape
        Of the movie: number of frames, rows and columns.

    Raises
    ------
    InputError
        The file is of another movie, two nuclei become one, or a spot lies wholly on others.
    """
    refuse_other_movie(
        file.path, (file.width, file.height, file.n_frames), (shape[1], shape[0], n_frames)
    )
    spots = file.spots
    places = spots[["y_px", "x_px", "radius_px"]].to_numpy()

    def draw(spot: int, label: int, frame: _Frame) -> Ints | None:
        outline, place = file.get_outline(spot), places[spot]
        if len(outline) == 0:
            if label and np.abs(place - frame.get_circle(label)).max() < _SAME_PX:
                return None
            y, x, radius = place.tolist()
            return fill_circle(y, x, radius, frame.shape)
        ours = frame.get_corners(label) if label else np.zeros((0, 2))
        if len(ours) == len(outline) and np.abs(ours - outline).max() < _SAME_PX:
            return None
        pixels = fill_polygon(outline, frame.shape)
        if label and np.array_equal(pixels, fill_polygon(ours, frame.shape)):
            return None
        return pixels

    shown = spots["is_shown"].to_numpy(bool)
    notes = []
    if not shown.all():
        notes.append(
            f"{(~shown).sum()} spots that filters hide in TrackMate were left out. To keep them "
            "remove the filters, and save again."
        )
    given = _Given(
        file.path,
        "spot ID",
        spots["id"].to_numpy(np.int64),
        spots["frame"].to_numpy(np.int64),
        _claim_by_row(spots, tracks),
        shown,
        file.links,
        draw,
    )
    return _correct(given, _Ours(tracks, labels, n_frames, shape), notes)


def _claim_by_row(spots: pd.DataFrame, tracks: pd.DataFrame) -> Ints:
    """The label of each spot whose ID, frame and label are those of a row of ours, else 0.

    All three must agree: spots that TrackMate detects anew count their IDs from 0 too, and a
    spot that was copied has the label of the one that it was copied from.
    """
    ids, label = spots["id"].to_numpy(np.int64), spots["label"].to_numpy(np.int64)
    if len(tracks) == 0:
        return np.zeros_like(label)
    row = np.minimum(ids, len(tracks) - 1)
    same = (ids == row) & (tracks["label"].to_numpy()[row] == label)
    same &= tracks["frame"].to_numpy()[row] == spots["frame"].to_numpy()
    return np.where(same, label, 0)


def correct_geff(
    graph: GeffGraph,
    *,
    tracks: pd.DataFrame,
    labels: LabelFrames,
    n_frames: int,
    shape: tuple[int, int],
) -> Corrections:
    """Take nuclei and links from a GEFF folder that was ours and that a user edited.

    A node is our nucleus of its frame and `label`. GEFF has no outlines: a node that was moved
    takes its mask along, by whole pixels, and a new one is a circle.

    Parameters
    ----------
    graph : GeffGraph
    tracks, labels, n_frames, shape
        As of `correct_trackmate`.

    Raises
    ------
    InputError
        Two nuclei become one, two nodes are the same nucleus, a new node has neither `radius` nor
        `area_px`, or one lies wholly on others.
    """
    nodes = graph.nodes
    keys = ["frame", "label"]
    is_ours = pd.MultiIndex.from_frame(nodes[keys]).isin(pd.MultiIndex.from_frame(tracks[keys]))
    claims = np.where(is_ours, nodes["label"], 0)
    twice = nodes[nodes.duplicated(keys, keep=False) & is_ours]
    if len(twice):
        frame, label = twice[keys].iloc[0]
        same = twice.loc[(twice["frame"] == frame) & (twice["label"] == label), "id"]
        raise InputError(
            f"{graph.path}: nodes {list_some(same.to_list())} all have label {label} in frame "
            f"{frame}. Give it to one of them, and the others no label."
        )
    unknown = nodes.loc[~is_ours & nodes["radius_px"].isna(), "id"].to_list()
    if unknown:
        raise InputError(
            f"{graph.path}: of {len(unknown)} new node(s) the size is not known: "
            f"{list_some(unknown)}. Give them the property radius, in px."
        )
    places = nodes[["y_px", "x_px", "radius_px"]].to_numpy()

    def draw(node: int, label: int, frame: _Frame) -> Ints | None:
        y, x, radius = places[node].tolist()
        if not label:
            return fill_circle(y, x, radius, frame.shape)
        step = np.round(places[node, :2] - frame.get_circle(label)[:2]).astype(np.int64)
        return frame.shift(label, step) if step.any() else None

    given = _Given(
        graph.path,
        "node ",
        nodes["id"].to_numpy(np.int64),
        nodes["frame"].to_numpy(np.int64),
        claims,
        np.ones(len(nodes), bool),
        graph.links,
        draw,
    )
    return _correct(given, _Ours(tracks, labels, n_frames, shape), [])


def _correct(given: _Given, ours: _Ours, notes: list[str]) -> Corrections:
    """Place all spots frame by frame; `notes` are what is told first."""
    frames, shown, links = given.frames, given.shown, given.links
    late = np.flatnonzero(frames >= ours.n_frames)
    if len(late):
        raise InputError(
            f"{given.source}: {given.name(late[0])} is behind the last frame, "
            f"{ours.n_frames - 1}. Give the file of this sample."
        )
    links = links[shown[links["earlier"]] & shown[links["later"]]]
    refuse_merges(given.source, links, given.name)
    label_of = np.zeros(len(frames), np.int64)
    change = np.full(len(frames), "", object)
    drawn: dict[int, _Drawn] = {}
    overlaps: list[str] = []
    own_rows = dict(list(ours.tracks.groupby("frame")))
    spots = np.flatnonzero(shown)
    order = spots[np.argsort(frames[spots], kind="stable")]
    for rows in np.split(order, np.flatnonzero(np.diff(frames[order])) + 1):
        if len(rows) == 0:
            continue
        number = int(frames[rows[0]])
        frame = _Frame(ours.read(number), own_rows.get(number, ours.tracks.iloc[:0]))
        placed = _place_spots(rows, given, frame)
        drawn[number] = _share_pixels(rows, given, placed, frame, overlaps)
        # What lies outside of the image has no pixel there.
        there = [
            found is None or len(drawn[number].pixels[label]) > 0
            for label, found in zip(placed.labels, placed.pixels, strict=True)
        ]
        label_of[rows] = np.where(there, placed.labels, 0)
        change[rows] = placed.changes
    outside = np.flatnonzero(shown & (label_of == 0)).tolist()
    if outside:
        notes.append(
            f"{len(outside)} outside of the image left out: "
            f"{list_some([given.name(row) for row in outside])}."
        )
    if overlaps:
        notes.append(
            f"{len(overlaps)} drawn nuclei lie partly on others. Their pixels stay with untouched "
            f"nuclei, else with the smaller: {list_some(overlaps)}."
        )
    is_there = label_of > 0
    nuclei = pd.DataFrame({"frame": frames, "label": label_of, "id": given.ids, "change": change})
    nuclei = nuclei[is_there].sort_values(["frame", "label"], ignore_index=True)
    links = links[is_there[links["earlier"]] & is_there[links["later"]]]
    earlier, later = links["earlier"].to_numpy(), links["later"].to_numpy()
    ends = (frames[earlier], label_of[earlier], frames[later], label_of[later])
    table = pd.DataFrame(dict(zip(LINK_COLUMNS, ends, strict=True)))
    table = table.sort_values(list(LINK_COLUMNS), ignore_index=True)

    def paint(number: int) -> npt.NDArray[np.int32]:
        found = drawn.get(number, _Drawn(np.zeros(0, np.int64), {}))
        image = np.asarray(keep_labels(ours.read(number), found.kept), np.int32)
        for label, pixels in found.pixels.items():
            image.ravel()[pixels] = label
        return image

    return Corrections(nuclei, table, notes, paint)


class _Placed(NamedTuple):
    """Spots of a frame: label, change, and pixels (None where untouched)."""

    labels: list[int]
    changes: list[str]
    pixels: list[Ints | None]


def _place_spots(rows: Ints, given: _Given, frame: _Frame) -> _Placed:
    """Draw the spots of a frame and find which of our nuclei each of them is."""
    labels = given.claims[rows].tolist()
    pixels = []
    for row, label in zip(rows.tolist(), labels, strict=True):
        if label and (label >= len(frame.areas) or frame.areas[label] == 0):
            raise InputError(
                f"masks: nucleus {label} of frame {given.frames[row]} is not in them. Use the "
                "masks that the tracks were made from."
            )
        pixels.append(given.draw(row, label, frame))
    changes = ["kept" if found is None else "edited" for found in pixels]
    taken = set(labels)
    next_label = len(frame.areas)
    for i, found in enumerate(pixels):
        if labels[i] or found is None:
            continue
        same = _find_same(found, frame)
        if same and same not in taken:
            labels[i] = same
            if np.array_equal(found, fill_polygon(frame.get_corners(same), frame.shape)):
                pixels[i], changes[i] = None, "kept"
        else:
            labels[i], changes[i] = next_label, "added"
            next_label += 1
        taken.add(labels[i])
    return _Placed(labels, changes, pixels)


def _find_same(pixels: Ints, frame: _Frame) -> int:
    """The label of our nucleus with the same place and size, 0 for none."""
    shared = np.bincount(frame.labels.ravel()[pixels], minlength=1)
    shared[0] = 0
    best = int(shared.argmax())
    union = frame.areas[best] + len(pixels) - shared[best]
    return best if shared[best] > _SAME_IOU * union else 0


def _share_pixels(
    rows: Ints, given: _Given, placed: _Placed, frame: _Frame, overlaps: list[str]
) -> _Drawn:
    """Give each pixel to one nucleus; add to `overlaps` which ones lose some."""
    kept, drawn = [], []
    for i, (label, found) in enumerate(zip(placed.labels, placed.pixels, strict=True)):
        if found is None:
            kept.append(label)
        else:
            drawn.append((i, found))
    stays = np.array(kept, np.int64)
    if not drawn:
        return _Drawn(stays, {})
    owner = np.where(keep_labels(frame.labels, stays).ravel() > 0, -1, 0)
    # The smaller come last and so lie on top.
    for i, found in sorted(drawn, key=lambda item: -len(item[1])):
        owner[found[owner[found] >= 0]] = i + 1
    pixels = {}
    for i, found in drawn:
        own = found[owner[found] == i + 1]
        lost = len(found) - len(own)
        if lost and len(own) == 0:
            raise InputError(
                f"{given.source}: {given.name(rows[i])} lies wholly on other nuclei, which leaves "
                "it no pixel. Delete it, or make the others smaller."
            )
        if lost:
            overlaps.append(f"{given.name(rows[i])} loses {lost} of {len(found)} px")
        pixels[placed.labels[i]] = own
    return _Drawn(stays, pixels)

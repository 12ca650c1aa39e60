"""Reading TrackMate files: what TrackMate saves after somebody edited spots and links.

Read with expat, element by element: a file of 100,000 spots with outlines has hundreds of MB. A
file that declares entities, which could grow without end, is refused.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError

Array = npt.NDArray[Any]

# TrackMate's whole numbers are of this size; no position or radius in px is nearly as large.
_LARGEST = 2**31 - 1
# A feature of ours: what others put there is no error.
_LABEL = re.compile(r"(\d{1,9})(?:\.0)?")
# Fewer corners are no outline; TrackMate too reads such a spot as a circle.
_FEWEST_CORNERS = 3


@dataclass(frozen=True)
class TrackMateFile:
    """The spots and links of a TrackMate file, lengths in pixels.

    Attributes
    ----------
    path : Path
    spots : DataFrame
        One row per spot in the order of the file: `id`, `name`, `frame`, `y_px`, `x_px`
        (pixel centres at whole numbers), `radius_px`, `label` (feature LABEL, -1 without),
        `track` (TRACK_ID of a track with a link to it, -1 without) and `is_shown`: False where
        TrackMate hides it by a filter of spots (VISIBILITY 0) or of tracks (a track that is not
        among its FilteredTracks).
    links : DataFrame
        One row per link: `earlier` and `later`, row numbers of `spots`.
    offsets : (n + 1,) int64
        The outline of spot i is ``corners[offsets[i]:offsets[i + 1]]``; empty for a circle.
    corners : (m, 2) float64
        x and y in the image, in px.
    width, height, n_frames : int
        Of the movie.
    pixel_size : float
        In `unit`.
    unit : str
    """

    path: Path
    spots: pd.DataFrame
    links: pd.DataFrame
    offsets: npt.NDArray[np.int64]
    corners: npt.NDArray[np.float64]
    width: int
    height: int
    n_frames: int
    pixel_size: float
    unit: str

    def get_outline(self, spot: int) -> npt.NDArray[np.float64]:
        """Give the (k, 2) corners of a spot by its row; none for a circle."""
        return self.corners[self.offsets[spot] : self.offsets[spot + 1]]


def read_trackmate(path: str | os.PathLike[str]) -> TrackMateFile:
    """Read the spots and links of a TrackMate file, whoever wrote it.

    Raises
    ------
    InputError
        The file cannot be read, is no TrackMate file, is damaged, is of 3D images, or contradicts
        itself: a spot that is listed twice, a link within a frame or to a spot that is not there.
    """
    path = Path(path)
    content = _Content(path)
    try:
        with path.open("rb") as file:
            content.parser.ParseFile(file)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last: its encoding
        raise InputError(
            f"{path}: is not a whole XML file ({error}). Save it again in TrackMate."
        ) from error
    return content.finish()


class _Content:
    """What was read so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse_entities
        self._depth = 0
        self._frame = self._track = -1
        self._spots: list[tuple[Any, ...]] = []
        self._links: list[tuple[int, int, int]] = []
        self._tracks: set[int] = set()
        self._shown_tracks: set[int] = set()
        self._unit = ""
        self._image: dict[str, str] = {}
        self._found: set[str] = set()
        self._text: list[str] = []
        self._n_corners = 0
        self._counts: list[int] = []
        self._corners: list[Array] = []

    def _refuse(self, reason: str, remedy: str = "Save it again in TrackMate.") -> NoReturn:
        line = self.parser.CurrentLineNumber
        raise InputError(f"{self.path}: line {line}: {reason}. {remedy}")

    def _refuse_entities(self, *_: object) -> NoReturn:
        self._refuse("there is a document type, which TrackMate does not write")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._depth == 0 and tag != "TrackMate":
            raise InputError(
                f"{self.path}: begins with <{tag}>, not with <TrackMate>. Give the file that "
                "TrackMate saves with its button Save; exports have no outlines or no links."
            )
        self._depth += 1
        self._found.add(tag)
        if tag == "Spot":
            self._read_spot(attributes)
        elif tag == "Edge":
            ends = ("SPOT_SOURCE_ID", "SPOT_TARGET_ID")
            source, target = (self._read_whole(attributes, name, "a link") for name in ends)
            self._links.append((source, target, self._track))
        elif tag == "SpotsInFrame":
            self._frame = self._read_whole(attributes, "frame", "a frame")
        elif tag == "Track":
            self._track = self._read_whole(attributes, "TRACK_ID", "a track")
            self._tracks.add(self._track)
        elif tag == "TrackID":
            self._shown_tracks.add(self._read_whole(attributes, "TRACK_ID", "a shown track"))
        elif tag == "Model":
            self._unit = attributes.get("spatialunits", "pixel")
        elif tag == "ImageData":
            self._image = attributes

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if tag == "Spot" and self._n_corners:
            self.parser.CharacterDataHandler = None
            words = "".join(self._text).split()
            wanted = 2 * self._n_corners
            try:
                numbers = np.array(words[:wanted], np.float64)
            except ValueError:
                numbers = np.array([np.nan])
            if len(numbers) < wanted or not (np.abs(numbers) < _LARGEST).all():
                self._refuse(f"the outline of spot ID{self._spots[-1][0]} is damaged")
            self._corners.append(numbers.reshape(-1, 2))

    def _read_spot(self, attributes: dict[str, str]) -> None:
        spot = self._read_whole(attributes, "ID", "a spot")
        owner = f"spot ID{spot}"
        x, y = (self._read_number(attributes, f"POSITION_{axis}", owner) for axis in "XY")
        radius = self._read_number(attributes, "RADIUS", owner)
        if radius < 0:
            self._refuse(f"RADIUS of {owner} is below 0")
        if "FRAME" in attributes and self._read_whole(attributes, "FRAME", owner) != self._frame:
            self._refuse(f"{owner} is among those of frame {self._frame} but has another FRAME")
        is_visible = self._read_number({"VISIBILITY": "1"} | attributes, "VISIBILITY", owner) > 0
        label = _LABEL.fullmatch(attributes.get("LABEL", ""))
        name = attributes.get("name", "")
        number = int(label[1]) if label else -1
        self._spots.append((spot, name, self._frame, y, x, radius, number, is_visible))
        n_corners = 0
        if "ROI_N_POINTS" in attributes:
            n_corners = self._read_whole(attributes, "ROI_N_POINTS", owner)
        self._n_corners = n_corners if n_corners >= _FEWEST_CORNERS else 0
        self._counts.append(self._n_corners)
        if self._n_corners:
            self._text = []
            self.parser.CharacterDataHandler = self._text.append

    def _read_number(self, attributes: Mapping[str, str], name: str, owner: str) -> float:
        text = attributes.get(name)
        if text is None:
            self._refuse(f"{owner} has no {name}")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not abs(value) <= _LARGEST:
            self._refuse(f"{name} of {owner} is {text[:40]!r}, which is not possible")
        return value

    def _read_whole(self, attributes: Mapping[str, str], name: str, owner: str) -> int:
        value = self._read_number(attributes, name, owner)
        if value < 0 or value != int(value):
            self._refuse(f"{name} of {owner} is {attributes[name][:40]!r}, not a whole number")
        return int(value)

    def finish(self) -> TrackMateFile:
        missing = {"AllSpots", "AllTracks", "FilteredTracks", "ImageData"} - self._found
        if missing:
            raise InputError(
                f"{self.path}: has no {min(missing)}. Give the file that TrackMate saves with its "
                "button Save, not one of its exports."
            )
        image = {
            name: self._read_number(self._image, name, "ImageData")
            for name in ("width", "height", "nslices", "nframes", "pixelwidth", "pixelheight")
        }
        size = image["pixelwidth"]
        if image["nslices"] > 1:
            self._refuse("the images have several z slices", "Give the file that we wrote, edited.")
        if not size > 0 or abs(image["pixelheight"] - size) > 1e-3 * size:
            self._refuse(
                f"the pixel size is {size} by {image['pixelheight']}",
                "Set it in Fiji (Image > Properties), and open our file again.",
            )
        names = ["id", "name", "frame", "y_px", "x_px", "radius_px", "label", "is_visible"]
        spots = pd.DataFrame(self._spots, columns=names)
        # In a file without spots columns have types of their own.
        spots = spots.astype({"id": "int64", "frame": "int64", "label": "int64"})
        spots["is_visible"] = spots["is_visible"].astype(bool)
        for length in ("y_px", "x_px", "radius_px"):
            spots[length] = spots[length].astype("float64") / size
        spots, links = self._place_links(spots)
        offsets = np.concatenate([[0], np.cumsum(self._counts)]).astype(np.int64)
        corners = np.concatenate([np.zeros((0, 2)), *self._corners]) / size
        corners += np.repeat(spots[["x_px", "y_px"]].to_numpy(), self._counts, axis=0)
        return TrackMateFile(
            self.path,
            spots,
            links,
            offsets,
            corners,
            width=int(image["width"]),
            height=int(image["height"]),
            n_frames=int(image["nframes"]),
            pixel_size=size,
            unit=self._unit,
        )

    def _place_links(self, spots: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The links by rows of spots, earlier first, and the spots with track and `is_shown`."""
        ids, frame = spots["id"].to_numpy(), spots["frame"].to_numpy()
        order = np.argsort(ids, kind="stable")
        twice = ids[order][1:][np.diff(ids[order]) == 0]
        if len(twice):
            raise InputError(
                f"{self.path}: spot ID{twice[0]} is listed twice. Save it again in TrackMate."
            )
        links = np.array(self._links, np.int64).reshape(-1, 3)
        ends = links[:, :2]
        place = np.minimum(np.searchsorted(ids, ends, sorter=order), max(len(ids) - 1, 0))
        known = ids[order][place] == ends if len(ids) else np.zeros(ends.shape, bool)
        if not known.all():
            raise InputError(
                f"{self.path}: a link leads to spot ID{ends[~known][0]}, which is not there. "
                "Save it again in TrackMate."
            )
        rows = order[place]
        level = frame[rows[:, 0]] == frame[rows[:, 1]]
        if level.any():
            first, second = ends[level][0]
            raise InputError(
                f"{self.path}: spots ID{first} and ID{second} are linked and both in frame "
                f"{frame[rows[level][0, 0]]}. Cut this link in TrackMate."
            )
        backwards = frame[rows[:, 0]] > frame[rows[:, 1]]
        rows[backwards] = rows[backwards, ::-1]
        track = np.full(len(spots), -1, np.int64)
        track[rows] = links[:, 2:]
        hidden = np.array(sorted(self._tracks - self._shown_tracks), np.int64)
        spots["track"] = track
        spots["is_shown"] = spots.pop("is_visible") & ~np.isin(track, hidden)
        rows = np.unique(rows, axis=0)
        return spots, pd.DataFrame({"earlier": rows[:, 0], "later": rows[:, 1]})

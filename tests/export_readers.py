"""Reading the exported files back."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile
from geff.core_io import read_to_memory
from geff.validate.data import ValidationConfig

from autonuclei.errors import InputError
from autonuclei.export.ctc import read_ctc
from autonuclei.export.trackmate_declarations import (
    EDGE_FEATURES,
    SPOT_FEATURES,
    TRACK_FEATURES,
    Feature,
)


@dataclass
class TrackMateFile:
    """The content of a TrackMate file.

    Attributes
    ----------
    spots : one row per spot; `ID`, `name` and a column per feature in the file.
    edges : one row per edge; `TRACK_ID` and a column per feature.
    tracks : one row per track; `name` and a column per feature.
    filtered_track_ids : the tracks that TrackMate shows.
    outlines : for each spot ID with an outline, (n, 2) x and y relative to the spot centre.
    space_unit, time_unit : as in the file.
    image, detector, tracker : the attributes of those elements of the settings.
    """

    spots: pd.DataFrame
    edges: pd.DataFrame
    tracks: pd.DataFrame
    filtered_track_ids: list[int]
    outlines: dict[int, npt.NDArray[np.float64]]
    space_unit: str = "pixel"
    time_unit: str = "frame"
    image: dict[str, str] = field(default_factory=dict)
    detector: dict[str, str] = field(default_factory=dict)
    tracker: dict[str, str] = field(default_factory=dict)


def read_trackmate(path: str | os.PathLike[str]) -> TrackMateFile:
    """Read the spots, edges and tracks of a TrackMate file.

    Raises
    ------
    InputError
        The file is absent, is not XML or is not a TrackMate file.
    """
    spots: list[dict[str, str]] = []
    edges: list[dict[str, str]] = []
    tracks: list[dict[str, str]] = []
    outlines: dict[int, npt.NDArray[np.float64]] = {}
    content = TrackMateFile(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), [], outlines)
    track_id = ""
    for event, element in parse_trackmate(path):
        if event == "start":
            if element.tag == "Track":
                track_id = element.attrib.get("TRACK_ID", "")
            elif element.tag == "Model":
                content.space_unit = element.attrib.get("spatialunits", "pixel")
                content.time_unit = element.attrib.get("timeunits", "frame")
            continue
        attributes = dict(element.attrib)
        if element.tag == "Spot":
            n_points = int(attributes.pop("ROI_N_POINTS", "0"))
            if n_points and element.text:
                numbers = np.array(element.text.split()[: 2 * n_points], dtype=np.float64)
                outlines[int(attributes["ID"])] = numbers.reshape(-1, 2)
            spots.append(attributes)
        elif element.tag == "Edge":
            edges.append({"TRACK_ID": track_id, **attributes})
        elif element.tag == "Track":
            tracks.append(attributes)
        elif element.tag == "TrackID":
            content.filtered_track_ids.append(int(attributes["TRACK_ID"]))
        elif element.tag == "ImageData":
            content.image = attributes
        elif element.tag == "DetectorSettings":
            content.detector = attributes
        elif element.tag == "TrackerSettings":
            content.tracker = attributes
    content.spots = _make_table(spots, SPOT_FEATURES, {"ID"})
    content.edges = _make_table(edges, EDGE_FEATURES, {"TRACK_ID"})
    content.tracks = _make_table(tracks, TRACK_FEATURES, set())
    return content


def parse_trackmate(
    path: str | os.PathLike[str],
) -> Iterator[tuple[str, ElementTree.Element]]:
    """Give start and end events; what lies under spots, tracks and settings is then freed."""
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file. Check the path.")
    stack: list[ElementTree.Element] = []
    try:
        with Path(path).open("rb") as file:
            for event, element in ElementTree.iterparse(file, events=("start", "end")):
                if event == "start":
                    if not stack and element.tag != "TrackMate":
                        raise InputError(
                            f"{path}: the file begins with <{element.tag}>, not <TrackMate>. "
                            "Give a file that TrackMate saved."
                        )
                    stack.append(element)
                    yield event, element
                else:
                    stack.pop()
                    yield event, element
                    element.clear()
                    if stack:
                        stack[-1].remove(element)
    except ElementTree.ParseError as error:
        raise InputError(
            f"{path}: not readable as XML ({error}). Save or export the file again."
        ) from error


def _make_table(
    rows: list[dict[str, str]],
    declared: dict[str, Feature],
    ids: set[str],
) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    for column in table.columns:
        if column == "name":
            continue
        numbers = table[column].astype(np.float64)
        is_int = column in ids or (column in declared and declared[column].is_int)
        whole = is_int and bool(np.isfinite(numbers).all())
        table[column] = numbers.astype(np.int64) if whole else numbers
    return table


def read_geff(path: str | os.PathLike[str]) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Read the nodes and edges of a GEFF file.

    Returns
    -------
    nodes : DataFrame
        `id` and a column per property.
    edges : (n, 2) int64
        The ids of source and target.

    Raises
    ------
    InputError
        There is no such folder, or it is not a valid GEFF file.
    """
    checks = ValidationConfig(graph=True, lineage=True, tracklet=True)
    try:
        content = read_to_memory(Path(path), data_validation=checks)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a valid GEFF file ({reason}). Write it again.") from error
    nodes = pd.DataFrame({"id": content["node_ids"].astype(np.int64)})
    for name, prop in content["node_props"].items():
        nodes[name] = prop["values"]
    return nodes, content["edge_ids"].astype(np.int64)


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

"""Tracks as a TrackMate file.

What TrackMate's reader needs was found by running it (version 8.1) over many variants of a
file; `tests/trackmate_validation.py` holds those rules.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.export.frames import find_rows
from autonuclei.export.trackmate_declarations import EDGE_FEATURES, SPOT_FEATURES, TRACK_FEATURES
from autonuclei.export.trackmate_features import (
    compute_edge_features,
    compute_spot_features,
    compute_track_features,
)
from autonuclei.export.trackmate_settings import (
    LapSettings,
    MovieInfo,
    write_display,
    write_settings,
)
from autonuclei.export.trackmate_xml import XmlWriter, format_rows, is_text
from autonuclei.io.files import write_beside
from autonuclei.io.label_frames import LabelFrames
from autonuclei.labels.outlines import Outlines, trace_outlines
from autonuclei.track.edges import find_edges

# The version whose reader the rules were taken from.
TRACKMATE_VERSION = "8.1.0"

# Of Java's `int`, by which TrackMate also sorts the names of tracks.
_LARGEST = 2**31 - 1

# What a track table must have; the other measurements become features where they are there.
_NEEDED = ["frame", "label", "y_px", "x_px", "area_px", "track", "lineage", "parent"]


@dataclass(frozen=True)
class ExportCounts:
    """What `write_trackmate` wrote.

    `n_split_labels` counts nuclei whose label lies in two or more pieces; the outline in the
    file is that of the largest piece, while area and position are those of the whole label.
    """

    n_spots: int
    n_edges: int
    n_tracks: int
    n_split_labels: int


def write_trackmate(
    path: str | os.PathLike[str],
    tracks: pd.DataFrame,
    *,
    movie: MovieInfo,
    labels: LabelFrames | None = None,
    tracker: LapSettings | None = None,
    log: str = "",
) -> ExportCounts:
    """Write a track table as a TrackMate file, frame by frame.

    A spot's ID is its row number in the table, from 0. A TrackMate track is a lineage with
    its divisions; a lineage of one nucleus is a spot without a track. An optional column
    `link_cost` (cost of the link that ends at the row) becomes LINK_COST.

    Parameters
    ----------
    path
        The XML file to write.
    tracks : DataFrame
        Track table.
    movie : MovieInfo
        The movie beside the file, see `autonuclei.io.hyperstack.write_image_movie`.
    labels : sequence of (height, width) int, optional
        The label image of each frame: an array (frames, height, width), a list or a `LabelStore`.
        Without it the file has no outlines.
    tracker : LapSettings, optional
        What to preset for linking again; without it the tracker is set to manual.
    log : str
        Text for TrackMate's log: where the tracks come from.

    Returns
    -------
    ExportCounts

    Raises
    ------
    InputError
        A nucleus lies outside the frames of the movie, its label is not in the label image, or a
        number or name is one that TrackMate cannot read.
    ValueError
        The track table contradicts itself.
    """
    _check_readable(tracks, movie)
    rows_by_frame = find_rows(tracks, movie.n_frames)
    edges = find_edges(tracks)
    # A measurement that is unknown for every nucleus is no feature.
    unknown = [name for name in tracks if name not in _NEEDED and tracks[name].isna().all()]
    measured = tracks.drop(columns=unknown)
    units = {"pixel_size": movie.pixel_size, "interval": movie.interval}
    features = compute_spot_features(measured.iloc[:0], **units).columns.to_list()
    n_split = 0
    with write_beside(path) as partial, partial.open("w", encoding="utf-8") as out:
        xml = XmlWriter(out)
        with xml.element("TrackMate", version=TRACKMATE_VERSION):
            xml.write_text("Log", _describe(movie, log))
            space = "pixel" if movie.pixel_size_um is None else "micrometer"
            time = "frame" if movie.frame_interval_min is None else "min"
            with xml.element("Model", spatialunits=space, timeunits=time):
                _write_declarations(xml, features)
                with xml.element("AllSpots", nspots=len(tracks)):
                    for frame, rows in enumerate(rows_by_frame):
                        spots = measured.iloc[rows]
                        values = compute_spot_features(spots, **units)
                        with xml.element("SpotsInFrame", frame=frame):
                            heads = _format_spots(rows, values)
                            if labels is None or len(rows) == 0:
                                xml.write_lines(f"{head} />" for head in heads)
                                continue
                            outlines = trace_outlines(labels[frame])
                            index = _find_outlines(outlines, spots, frame)
                            n_split += int((outlines.n_pieces[index] > 1).sum())
                            texts = _format_outlines(outlines, index, spots, movie.pixel_size)
                            xml.write_lines(map("".join, zip(heads, texts, strict=True)))
                n_tracks = _write_tracks(xml, tracks, edges, units)
            write_settings(xml, movie, tracker, features)
            write_display(xml, n_tracks)
    return ExportCounts(len(tracks), len(edges), n_tracks, n_split)


def _check_readable(tracks: pd.DataFrame, movie: MovieInfo) -> None:
    largest = int(tracks["lineage"].abs().max()) if len(tracks) else 0
    if largest > _LARGEST:
        raise InputError(
            f"lineage {largest}: TrackMate reads no number of a track above {_LARGEST}. Number "
            "the lineages from 1."
        )
    if not is_text(movie.filename):
        raise InputError(
            f"{movie.filename!r}: a TrackMate file cannot hold a name with control characters. "
            "Rename the sample."
        )


def _describe(movie: MovieInfo, log: str) -> str:
    size, interval = movie.pixel_size_um, movie.frame_interval_min
    lines = [
        f"Image: {movie.filename}, {movie.width} x {movie.height} pixels, {movie.n_frames} frames.",
        "Pixel size: " + ("unknown, lengths are in pixels." if size is None else f"{size} um."),
        "Frame interval: "
        + ("unknown, times are in frames." if interval is None else f"{interval} min."),
        "A track is a lineage with its divisions. A spot's ID is its row in the track table, "
        "from 0. Quality is the area in pixels. The ellipse has the second moments of the "
        "nucleus. The perimeter follows the pixel centres of its rim; measured anew along our "
        "outlines, which follow the edges of pixels, it is a fifth longer.",
        "To detect again with the label image detector, open the label movie as the image.",
    ]
    if log.strip():
        lines.insert(0, log.rstrip())
    return "\n".join(lines) + "\n"


def _write_declarations(xml: XmlWriter, spot_features: list[str]) -> None:
    with xml.element("FeatureDeclarations"):
        for tag, declared in (
            ("SpotFeatures", {name: SPOT_FEATURES[name] for name in spot_features}),
            ("EdgeFeatures", EDGE_FEATURES),
            ("TrackFeatures", TRACK_FEATURES),
        ):
            with xml.element(tag):
                for name, feature in declared.items():
                    xml.write_empty(
                        "Feature",
                        feature=name,
                        name=feature.name,
                        shortname=feature.short_name,
                        dimension=feature.dimension,
                        isint=feature.is_int,
                    )


def _format_spots(rows: npt.NDArray[np.int64], values: pd.DataFrame) -> Iterator[str]:
    """The element of each spot without its end."""
    for row, attributes in zip(rows.tolist(), format_rows(values), strict=True):
        yield f'<Spot ID="{row}" name="ID{row}" {attributes}'


def _find_outlines(outlines: Outlines, spots: pd.DataFrame, frame: int) -> npt.NDArray[np.int64]:
    """Which of the outlines each spot has."""
    wanted = spots["label"].to_numpy(np.int64)
    missing = np.setdiff1d(wanted, outlines.labels)
    if len(missing):
        raise InputError(
            f"masks: nucleus {missing[0]} of frame {frame} is not in them. Use the masks that "
            "the tracks were made from."
        )
    return np.searchsorted(outlines.labels, wanted)


def _format_outlines(
    outlines: Outlines, index: npt.NDArray[np.int64], spots: pd.DataFrame, pixel_size: float
) -> Iterator[str]:
    """The end of each spot's element, with its outline relative to its centre."""
    # A ten-thousandth of a pixel, whatever the unit.
    decimals = max(0, 4 - math.floor(math.log10(pixel_size)))
    n_corners = np.diff(outlines.offsets)[index]
    ends = np.cumsum(n_corners)
    take = np.arange(ends[-1]) + np.repeat(outlines.offsets[index] - ends + n_corners, n_corners)
    centre = np.repeat(spots[["x_px", "y_px"]].to_numpy(np.float64), n_corners, axis=0)
    numbers = iter(((outlines.corners[take] - 0.5 - centre) * pixel_size).ravel().tolist())
    # One template for all numbers of an outline is several times as fast as one for each.
    templates: dict[int, str] = {}
    for n in n_corners.tolist():
        if n not in templates:
            templates[n] = " ".join([f"%.{decimals}f"] * (2 * n))
        yield f' ROI_N_POINTS="{n}">{templates[n] % tuple(islice(numbers, 2 * n))}</Spot>'


def _write_tracks(
    xml: XmlWriter,
    tracks: pd.DataFrame,
    edges: npt.NDArray[np.int64],
    units: dict[str, float],
) -> int:
    """Write tracks with their edges; return how many tracks there are."""
    lineage = tracks["lineage"].to_numpy(np.int64)
    edges = edges[np.argsort(lineage[edges[:, 0]], kind="stable")]
    cost = None
    if "link_cost" in tracks:
        cost = tracks["link_cost"].to_numpy(np.float64)[edges[:, 1]]
    spots = compute_spot_features(tracks[_NEEDED], **units)
    edge_table = compute_edge_features(spots, edges, cost)
    track_table = compute_track_features(spots, edge_table, lineage)
    ids = track_table["TRACK_ID"].to_numpy(np.int64)
    n_edges = np.diff(np.searchsorted(lineage[edges[:, 0]], ids), append=len(edges))
    lines = (f"<Edge {text} />" for text in _format_in_parts(edge_table))
    with xml.element("AllTracks"):
        for track, n, text in zip(
            ids.tolist(), n_edges.tolist(), format_rows(track_table), strict=True
        ):
            with xml.element("Track", f'name="Track_{track}"', text):
                xml.write_lines(islice(lines, n))
    with xml.element("FilteredTracks"):
        xml.write_lines(f'<TrackID TRACK_ID="{track}" />' for track in ids.tolist())
    return len(ids)


def _format_in_parts(table: pd.DataFrame) -> Iterator[str]:
    # A slice at a time, so that the text of a million edges is never in memory.
    for start in range(0, len(table), 20_000):
        yield from format_rows(table.iloc[start : start + 20_000])

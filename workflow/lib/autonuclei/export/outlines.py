"""Outlines of nuclei for Fiji (ImageJ regions of interest) and QuPath (GeoJSON).

Outlines run along pixel corners, so that a program that fills them gets the very masks: pixel
[y, x] is the square from (x, y) to (x + 1, y + 1), in ImageJ and in QuPath. What is not one piece
without holes is a composite region in ImageJ and has inner rings or several polygons in GeoJSON.
"""

import colorsys
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

from autonuclei.errors import InputError
from autonuclei.export.frames import find_rows
from autonuclei.io.files import write_beside
from autonuclei.io.label_frames import LabelFrames
from autonuclei.labels.outlines import trace_polygons
from autonuclei.settings import OUTLINE_EXPORTS

Polygons = list[list[npt.NDArray[np.int64]]]

# Hues of tracks with numbers that follow each other lie far apart.
_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
# Segments of a composite region.
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0


@dataclass(frozen=True)
class OutlinedNucleus:
    """A nucleus as it is written.

    Parameters
    ----------
    name
    polygons
        Of `trace_polygons`.
    measures
        Numbers by column of the table; what is undefined is left out.
    frame
        From 0; None in a still.
    colour
        Red, green, blue up to 255; None leaves it to the program.
    """

    name: str
    polygons: Polygons
    measures: Mapping[str, float]
    frame: int | None = None
    colour: tuple[int, int, int] | None = None


def write_outlines(
    folder: str | os.PathLike[str],
    nuclei: pd.DataFrame,
    *,
    images: Mapping[str, Sequence[int]],
    labels: LabelFrames,
    is_movie: bool,
    kinds: Sequence[str] = OUTLINE_EXPORTS,
    first_pixel: tuple[int, int] = (0, 0),
) -> None:
    """Write the outlines of all nuclei of a sample into a folder, replacing an older one.

    For each image a zip that Fiji's ROI Manager opens and a GeoJSON file that QuPath opens. In a
    movie each outline belongs to its frame and has the colour of its track.

    Names are the number of the nucleus in its label image; in movies frame, nucleus and track,
    `0003-0012-0045`. There the frame counts from 1, since Fiji reads it from such a name where the
    movie is no hyperstack.

    Parameters
    ----------
    folder
        The folder to write.
    nuclei : DataFrame
        Table of nuclei or, of a movie, tracks. Its numbers become measurements in QuPath.
    images
        Frame numbers by name of the file: all of a movie, one of each still.
    labels : sequence of (height, width) int
        The label image of each frame: an array (frames, height, width), a list or a `LabelStore`.
    is_movie
    kinds
        Of `settings.OUTLINE_EXPORTS`.
    first_pixel
        Row and column of the image in the file at which the label images begin (`preprocess.crop`):
        outlines are for that image, measures stay those of the table.

    Raises
    ------
    InputError
        Table and label images do not hold the same nuclei.
    """
    frames = [frame for own in images.values() for frame in own]
    rows = find_rows(nuclei, max(frames, default=-1) + 1)
    numbered = nuclei[["frame", "label", *(["track"] if is_movie else [])]]
    digits = max(4, len(str(int(numbered.to_numpy().max(initial=0)) + 1)))

    def outline(frame: int) -> Iterator[OutlinedNucleus]:
        polygons = trace_polygons(labels[frame])
        measures = {int(row["label"]): row for row in list_measures(nuclei.iloc[rows[frame]])}
        for label in sorted(polygons.keys() ^ measures.keys()):
            raise InputError(
                f"masks: nucleus {label} of frame {frame} is in only one of masks and table. "
                "Use the masks that the table was made from."
            )
        for label, found in polygons.items():
            own = [[ring + first_pixel[::-1] for ring in rings] for rings in found]
            measured = measures[label]
            if not is_movie:
                yield OutlinedNucleus(f"{label:0{digits}}", own, measured)
                continue
            track = int(measured["track"])
            name = f"{frame + 1:0{digits}}-{label:0{digits}}-{track:0{digits}}"
            yield OutlinedNucleus(name, own, measured, frame, choose_colour(track))

    with write_beside(folder) as partial:
        partial.mkdir()
        for name, own_frames in images.items():
            with ExitStack() as open_files:
                writers = [
                    open_files.enter_context(_WRITERS[kind](partial / name)) for kind in kinds
                ]
                for frame in own_frames:
                    for nucleus in outline(frame):
                        for write in writers:
                            write(nucleus)


def list_measures(nuclei: pd.DataFrame) -> list[dict[str, float]]:
    """The numbers of each row of a table by column; yes is 1, no 0, what is undefined left out."""
    shown = nuclei.select_dtypes(["number", "bool"])
    names = list(map(str, shown.columns))
    return [
        {
            name: int(value) if isinstance(value, bool) else value
            for name, value in zip(names, values, strict=True)
            if math.isfinite(value)
        }
        for values in shown.itertuples(index=False, name=None)
    ]


def choose_colour(track: int) -> tuple[int, int, int]:
    """The colour of a track, the same in all its frames: red, green and blue up to 255."""
    red, green, blue = colorsys.hsv_to_rgb(track * _GOLDEN_RATIO % 1, 0.75, 1)
    return round(red * 255), round(green * 255), round(blue * 255)


def encode_roi(nucleus: OutlinedNucleus) -> bytes:
    """A nucleus as a region of interest of ImageJ."""
    rings = [ring for polygon in nucleus.polygons for ring in polygon]
    if len(rings) == 1:
        roi = ImagejRoi.frompoints(rings[0], name=nucleus.name)
        # As the wand makes them. Large images need the decimal numbers that the library adds.
        roi.roitype = ROI_TYPE.TRACED
        roi.options &= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    else:
        path = np.concatenate([_write_path(ring) for ring in rings])
        roi = ImagejRoi(
            roitype=ROI_TYPE.RECT,
            name=nucleus.name,
            multi_coordinates=path,
            shape_roi_size=len(path),
        )
    corners = np.concatenate(rings)
    (roi.left, roi.top), (roi.right, roi.bottom) = corners.min(axis=0), corners.max(axis=0)
    if nucleus.frame is not None:
        roi.t_position = nucleus.frame + 1
    if nucleus.colour is not None:
        roi.stroke_color = bytes([255, *nucleus.colour])
    return roi.tobytes()


def _write_path(ring: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    steps = np.column_stack([np.full(len(ring), _LINE), ring])
    steps[0, 0] = _MOVE
    return np.append(steps, _CLOSE).astype(np.float32)


def describe_feature(nucleus: OutlinedNucleus) -> dict[str, Any]:
    """A nucleus as a feature of GeoJSON with what QuPath reads: a detection with measurements."""
    polygons = [
        [[*ring.tolist(), ring[0].tolist()] for ring in rings] for rings in nucleus.polygons
    ]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) == 1
        else {"type": "MultiPolygon", "coordinates": polygons}
    )
    if nucleus.frame is not None:
        # -1: of all channels.
        geometry["plane"] = {"c": -1, "z": 0, "t": nucleus.frame}
    properties: dict[str, Any] = {
        "objectType": "detection",
        "name": nucleus.name,
        "classification": {"name": "Nucleus"},
        "measurements": dict(nucleus.measures),
    }
    if nucleus.colour is not None:
        properties["color"] = list(nucleus.colour)
    return {"type": "Feature", "geometry": geometry, "properties": properties}


@contextmanager
def _write_imagej(path: Path) -> Iterator[Callable[[OutlinedNucleus], None]]:
    with zipfile.ZipFile(f"{path}.zip", "w") as archive:

        def write(nucleus: OutlinedNucleus) -> None:
            # Without the time of writing: the same outlines give the same bytes.
            entry = zipfile.ZipInfo(f"{nucleus.name}.roi")
            archive.writestr(entry, encode_roi(nucleus), zipfile.ZIP_DEFLATED)

        yield write


@contextmanager
def _write_qupath(path: Path) -> Iterator[Callable[[OutlinedNucleus], None]]:
    with Path(f"{path}.geojson").open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        between = "\n"

        def write(nucleus: OutlinedNucleus) -> None:
            nonlocal between
            feature = describe_feature(nucleus)
            file.write(between + json.dumps(feature, allow_nan=False, separators=(",", ":")))
            between = ",\n"

        yield write
        file.write("\n]}\n")


_WRITERS = {"imagej": _write_imagej, "qupath": _write_qupath}

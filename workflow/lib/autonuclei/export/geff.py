"""Tracks as GEFF, the Graph Exchange File Format (https://liveimagetrackingtools.org/geff)."""

import os
from typing import Literal

import numpy as np
import pandas as pd
from geff import GeffMetadata
from geff.core_io import write_arrays

from autonuclei.io.files import write_beside
from autonuclei.track.edges import find_edges

# Column of the track table: property in the file, unit (None without), description.
_NODE_PROPERTIES: dict[str, tuple[str, str | None, str]] = {
    "frame": ("t", "frame", "Frame, from 0"),
    "y_px": ("y", "pixel", "Row of the centroid, pixel centres at whole numbers"),
    "x_px": ("x", "pixel", "Column of the centroid, pixel centres at whole numbers"),
    "label": ("label", None, "Value of the nucleus in the label image of its frame"),
    "track": ("track", None, "Track between divisions"),
    "lineage": ("lineage", None, "Connected component of the tracks"),
    "area_px": ("area_px", "pixel", "Area in pixels"),
    "mean_intensity": ("mean_intensity", None, "Mean of the raw image inside the nucleus"),
    "probability": ("probability", None, "Probability that StarDist gave to the nucleus"),
}


def write_geff(
    path: str | os.PathLike[str],
    tracks: pd.DataFrame,
    *,
    pixel_size_um: float | None = None,
    frame_interval_min: float | None = None,
) -> None:
    """Write a track table as GEFF (a zarr folder), replacing an older one.

    A node's id is its row number in the table, from 0. Positions are in pixels and frames;
    where the pixel size and the interval are known they are the axes' scale to micrometres
    and minutes. A division is a node with two later neighbours. Tracks and lineages are named
    as such in the metadata.

    Parameters
    ----------
    path
        The folder to write.
    tracks : DataFrame
        Track table.
    pixel_size_um, frame_interval_min : float or None
        None where unknown.

    Raises
    ------
    ValueError
        The track table contradicts itself.
    """
    edges = find_edges(tracks)
    columns = {
        column: properties
        for column, properties in _NODE_PROPERTIES.items()
        if column in tracks and not tracks[column].isna().all()
    }
    if len(tracks) == 0:
        columns = {column: _NODE_PROPERTIES[column] for column in ("frame", "y_px", "x_px")}
        # A table without rows does not tell its types.
        tracks = tracks.astype({"frame": np.int64, "y_px": np.float64, "x_px": np.float64})
    nodes = {}
    described = {}
    for column, (name, unit, description) in columns.items():
        values = tracks[column].to_numpy()
        nodes[name] = {"values": values, "missing": None}
        described[name] = {
            "identifier": name,
            "dtype": str(values.dtype),
            "unit": unit,
            "description": description,
        }
    space = {"scale": pixel_size_um, "scaled_unit": "micrometer"} if pixel_size_um else {}
    time = {"scale": frame_interval_min, "scaled_unit": "minute"} if frame_interval_min else {}
    metadata = GeffMetadata(
        directed=True,
        axes=[
            {"name": "t", "type": "time", "unit": "frame", **time},
            {"name": "y", "type": "space", "unit": "pixel", **space},
            {"name": "x", "type": "space", "unit": "pixel", **space},
        ],
        node_props_metadata=described,
        edge_props_metadata={},
        track_node_props=_name_track_properties(tracks),
    )
    with write_beside(path) as partial:
        write_arrays(
            partial,
            np.arange(len(tracks), dtype=np.uint64),
            nodes,
            edges.astype(np.uint64),
            {},
            metadata,
        )


def _name_track_properties(
    tracks: pd.DataFrame,
) -> dict[Literal["lineage", "tracklet"], str] | None:
    if len(tracks) == 0:
        return None
    mothers = tracks.loc[tracks["parent"] > 0].drop_duplicates("track")["parent"]
    # In GEFF's definition a single daughter would continue her mother's tracklet.
    if (mothers.value_counts() == 1).any():
        return {"lineage": "lineage"}
    return {"tracklet": "track", "lineage": "lineage"}

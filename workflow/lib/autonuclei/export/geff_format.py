"""Tracks as GEFF, the Graph Exchange File Format (https://liveimagetrackingtools.org/geff)."""

import os
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from geff import GeffMetadata
from geff.core_io import read_to_memory, write_arrays
from geff.validate.data import ValidationConfig

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.track.edges import find_edges

# Column of the track table: property in the file, unit (None without), description.
NODE_PROPERTIES: dict[str, tuple[str, str | None, str]] = {
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
    pixel_size_um: float | None,
    frame_interval_min: float | None,
) -> None:
    """Write a track table as GEFF (a zarr folder), replacing an older one.

    A node's id is its row number in the table, from 0. Positions are in pixels and frames;
    where the pixel size and the interval are known they are the axes' scale to micrometres
    and minutes. A division is a node with two later neighbours. Tracks and lineages are named
    as such in the metadata.

    Raises
    ------
    ValueError
        The track table contradicts itself.
    """
    edges = find_edges(tracks)
    columns = {
        column: properties
        for column, properties in NODE_PROPERTIES.items()
        if column in tracks and not tracks[column].isna().all()
    }
    if len(tracks) == 0:
        columns = {column: NODE_PROPERTIES[column] for column in ("frame", "y_px", "x_px")}
        # A CSV file without rows does not tell its types.
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
    space = {} if pixel_size_um is None else {"scale": pixel_size_um, "scaled_unit": "micrometer"}
    time = (
        {} if frame_interval_min is None else {"scale": frame_interval_min, "scaled_unit": "minute"}
    )
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

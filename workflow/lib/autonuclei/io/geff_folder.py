"""Reading tracks in GEFF, the Graph Exchange File Format, whoever wrote them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class GeffGraph:
    """The nuclei and links of a GEFF folder, lengths in pixels.

    Attributes
    ----------
    path : Path
    nodes : DataFrame
        One row per node: `id`, `frame`, `y_px`, `x_px`, `label` (-1 where unknown) and
        `radius_px` (from the property `radius`, else from `area_px`; NaN where unknown).
    links : DataFrame
        One row per link: `earlier` and `later`, row numbers of `nodes`.
    """

    path: Path
    nodes: pd.DataFrame
    links: pd.DataFrame


def read_geff(path: str | os.PathLike[str]) -> GeffGraph:
    """Read a GEFF folder whose places are in pixels and frames, as those that we write.

    Raises
    ------
    InputError
        There is no such folder, it is not whole, its axes are others than frame, y and x, or a
        link is within a frame.
    """
    from geff.core_io import read_to_memory
    from geff.validate.data import ValidationConfig

    path = Path(path)
    try:
        content = read_to_memory(path, data_validation=ValidationConfig(graph=True))
    except Exception as error:  # what zarr, pydantic and the decoders raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: cannot be read as GEFF ({reason}). Give the folder that holds nodes and "
            "edges, and write it again if it is damaged."
        ) from error
    properties = content["node_props"]
    time, y, x = _name_axes(path, content["metadata"])
    n = len(content["node_ids"])

    def get(name: str) -> Array:
        values = np.full(n, np.nan)
        if name in properties and properties[name]["values"].dtype.kind in "biuf":
            values = properties[name]["values"].astype(np.float64)
            missing = properties[name]["missing"]
            if missing is not None:
                values[np.asarray(missing, bool)] = np.nan
        return values

    ids = content["node_ids"].astype(np.int64)
    frame, label = get(time), get("label")
    places = {"y_px": get(y), "x_px": get(x)}
    for name, values in {time: frame, y: places["y_px"], x: places["x_px"]}.items():
        wrong = ~(np.abs(values) < 2**31)
        if name == time:
            wrong |= (values < 0) | (values != np.round(values))
        if wrong.any():
            raise InputError(
                f"{path}: {name} of node {ids[wrong][0]} is {values[wrong][0]}. Frames are whole "
                "numbers from 0, y and x are in pixels."
            )
    label = np.where((label >= 0) & (label < 2**31) & (label == np.round(label)), label, -1)
    radius = np.where(np.isnan(get("radius")), np.sqrt(get("area_px") / np.pi), get("radius"))
    nodes = pd.DataFrame(
        {"id": ids, "frame": frame.astype(np.int64), **places, "label": label.astype(np.int64)}
    )
    nodes["radius_px"] = np.where((radius > 0) & (radius < 2**31), radius, np.nan)
    return GeffGraph(path, nodes, _place_links(path, nodes, content["edge_ids"]))


def _name_axes(path: Path, metadata: Any) -> tuple[str, str, str]:
    """Names of the properties of time, y and x."""
    axes = metadata.axes or []
    times = [axis for axis in axes if axis.type == "time"]
    spaces = [axis for axis in axes if axis.type == "space"]
    if len(times) != 1 or len(spaces) != 2:
        raise InputError(
            f"{path}: its axes are {', '.join(axis.name for axis in axes) or 'not named'}. Those "
            "of a movie are t (type time), y and x (type space)."
        )
    for axis, unit in ((times[0], "frame"), (spaces[0], "pixel"), (spaces[1], "pixel")):
        if axis.unit not in (None, unit):
            raise InputError(
                f"{path}: its axis {axis.name} is in {axis.unit}. Write it in {unit}s."
            )
    first, second = spaces
    # Rows come first, as in images, unless the names say otherwise.
    if (first.name, second.name) == ("x", "y"):
        first, second = second, first
    return times[0].name, first.name, second.name


def _place_links(path: Path, nodes: pd.DataFrame, edges: Array) -> pd.DataFrame:
    ids, frame = nodes["id"].to_numpy(), nodes["frame"].to_numpy()
    order = np.argsort(ids, kind="stable")
    rows = order[np.searchsorted(ids, edges.astype(np.int64).reshape(-1, 2), sorter=order)]
    level = frame[rows[:, 0]] == frame[rows[:, 1]]
    if level.any():
        first, second = ids[rows[level][0]]
        raise InputError(
            f"{path}: nodes {first} and {second} are linked and both in frame "
            f"{frame[rows[level][0, 0]]}. Take this link out."
        )
    backwards = frame[rows[:, 0]] > frame[rows[:, 1]]
    rows[backwards] = rows[backwards, ::-1]
    rows = np.unique(rows, axis=0)
    return pd.DataFrame({"earlier": rows[:, 0], "later": rows[:, 1]})

"""How nuclei move and divide, from a track table.

Lengths are micrometres and times minutes where the pixel size and the frame interval are
known, else pixels and frames; the names of the columns say which. Directions and angles are
in degrees, 0 to the right and counted counter-clockwise as seen on the screen (image rows run
downwards). What is undefined is NaN.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import KDTree

from autonuclei.io.files import write_beside

FloatArray = npt.NDArray[np.float64]

# Fewer tracks do not tell the stage from the nuclei: each would make a tenth of the drift.
MIN_TRACKS_FOR_DRIFT = 10


@dataclass(frozen=True)
class Units:
    """The units of a movie, for column names and axis labels.

    Attributes
    ----------
    pixel_size_um, frame_interval_min : None where unknown.
    """

    pixel_size_um: float | None = None
    frame_interval_min: float | None = None

    @property
    def length(self) -> str:
        return "px" if self.pixel_size_um is None else "um"

    @property
    def time(self) -> str:
        return "frames" if self.frame_interval_min is None else "min"

    @property
    def length_factor(self) -> float:
        """Length units per pixel."""
        return 1.0 if self.pixel_size_um is None else self.pixel_size_um

    @property
    def time_factor(self) -> float:
        """Time units per frame."""
        return 1.0 if self.frame_interval_min is None else self.frame_interval_min

    @property
    def speed(self) -> str:
        """Unit of speed in column names, such as `um_per_min`."""
        return f"{self.length}_per_{'frame' if self.time == 'frames' else 'min'}"

    @property
    def density(self) -> str:
        """Column of the density: per mm2, or per million pixels."""
        return "nuclei_per_megapixel" if self.pixel_size_um is None else "nuclei_per_mm2"

    @property
    def mitosis_rate(self) -> str:
        """Column of the rate of mitosis: per nucleus and hour, or per nucleus and frame."""
        time = "frame" if self.frame_interval_min is None else "hour"
        return f"mitoses_per_nucleus_and_{time}"


@dataclass(frozen=True)
class Motility:
    """All tables of one movie; see the functions of the same names.

    Attributes
    ----------
    units : Units
    drift_removed : bool
        Whether speeds, displacements and directions are without the common movement of all
        nuclei. Places are those in the images in any case.
    steps : `measure_steps`, with `nearest_neighbour_<length>`.
    tracks : `summarise_tracks`.
    frames : `count_nuclei`.
    divisions : `list_divisions`.
    msd : `measure_displacement`.
    drift : `measure_drift`.
    """

    units: Units
    drift_removed: bool
    steps: pd.DataFrame
    tracks: pd.DataFrame
    frames: pd.DataFrame
    divisions: pd.DataFrame
    msd: pd.DataFrame
    drift: pd.DataFrame


def measure_motility(
    tracks: pd.DataFrame,
    *,
    frames: Sequence[int],
    image_shape: tuple[int, int],
    pixel_size_um: float | None,
    frame_interval_min: float | None,
    remove_drift: bool = True,
) -> Motility:
    """Make all motility tables of a movie.

    Parameters
    ----------
    tracks : DataFrame
        Track table.
    frames : sequence of int
        The frame numbers that were recorded, ascending. A number that is missing in the
        sequence has no row in the table of frames, and rates use the real time.
    image_shape : (height, width) in pixels
    pixel_size_um, frame_interval_min : float or None
    remove_drift : bool
        Take the common movement of all nuclei, which drift of the stage makes, out of steps,
        summaries and mean squared displacement.
    """
    units = Units(pixel_size_um, frame_interval_min)
    drift = measure_drift(tracks, units=units)
    moved = subtract_drift(tracks, drift, units=units) if remove_drift else tracks
    steps = measure_steps(moved, units=units)
    summary = summarise_tracks(steps, units=units)
    for axis in "xy":
        steps[f"{axis}_{units.length}"] = tracks[f"{axis}_px"].to_numpy() * units.length_factor
    column = f"nearest_neighbour_{units.length}"
    steps[column] = measure_neighbours(tracks) * units.length_factor
    divisions = list_divisions(tracks, units=units)
    return Motility(
        units,
        remove_drift,
        steps,
        summary,
        count_nuclei(steps, divisions, frames=frames, image_shape=image_shape, units=units),
        divisions,
        measure_displacement(moved, units=units),
        drift,
    )


def write_motility(folder: str | os.PathLike[str], motility: Motility) -> list[Path]:
    """Write the tables as CSV: steps, tracks, frames, divisions, msd, drift; give their paths."""
    paths = []
    for name in ("steps", "tracks", "frames", "divisions", "msd", "drift"):
        path = Path(folder) / f"{name}.csv"
        with write_beside(path) as partial:
            getattr(motility, name).to_csv(partial, index=False)
        paths.append(path)
    return paths


def measure_drift(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Measure how all nuclei move together from frame to frame: the drift of the stage.

    The median step of the tracks with a nucleus in both frames, along each axis. Nuclei that
    migrate as a sheet move together as well: the two cannot be told apart.

    Returns
    -------
    DataFrame
        One row per frame with nuclei: `frame`, `time_<time>`, `n_tracks` (that go on from the
        frame before with nuclei), `step_x_<length>` and `step_y_<length>` (NaN for fewer than
        10 tracks), `drift_x_<length>` and `drift_y_<length>` (since the first frame; unknown
        steps count as none). To the right and downwards are positive.
    """
    length = units.length
    frames = np.unique(tracks["frame"].to_numpy(np.int64))
    place = tracks[["track", "x_px", "y_px"]].assign(
        slot=np.searchsorted(frames, tracks["frame"].to_numpy(np.int64))
    )
    before = place.assign(slot=place["slot"] + 1)
    pairs = place.merge(before, on=["track", "slot"], suffixes=("", "_before"))
    moves = pd.DataFrame(
        {
            "slot": pairs["slot"],
            "x": pairs["x_px"] - pairs["x_px_before"],
            "y": pairs["y_px"] - pairs["y_px_before"],
        }
    )
    slots = np.arange(len(frames))
    n_tracks = np.bincount(moves["slot"], minlength=len(frames))
    medians = moves.groupby("slot")[["x", "y"]].median().reindex(slots)
    step = medians.to_numpy(np.float64) * units.length_factor
    step[n_tracks < MIN_TRACKS_FOR_DRIFT] = np.nan
    total = np.cumsum(np.nan_to_num(step), axis=0)
    return pd.DataFrame(
        {
            "frame": frames,
            f"time_{units.time}": frames * units.time_factor,
            "n_tracks": n_tracks,
            f"step_x_{length}": step[:, 0],
            f"step_y_{length}": step[:, 1],
            f"drift_x_{length}": total[:, 0],
            f"drift_y_{length}": total[:, 1],
        }
    )


def subtract_drift(tracks: pd.DataFrame, drift: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Give the track table with `x_px` and `y_px` as if the stage had stood still.

    Parameters
    ----------
    drift : DataFrame
        From `measure_drift` of the same tracks with the same units.
    """
    at = np.searchsorted(drift["frame"].to_numpy(), tracks["frame"].to_numpy())
    return tracks.assign(
        **{
            f"{axis}_px": tracks[f"{axis}_px"].to_numpy(np.float64)
            - drift[f"drift_{axis}_{units.length}"].to_numpy()[at] / units.length_factor
            for axis in "xy"
        }
    )


def measure_steps(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Measure each step of each track.

    A step leads to the row's nucleus from the one before in its track; over a gap it is
    divided by the real time. The first nucleus of a track has no step, also after a division,
    where the centroid jumps because the nucleus splits.

    Returns
    -------
    DataFrame
        One row per row of `tracks`, in its order: `track`, `lineage`, `frame`, `label`,
        `x_<length>`, `y_<length>`, `time_<time>`, `step_frames`, `displacement_<length>`,
        `speed_<length>_per_<time>`, `direction_deg` (0 to 360; NaN without displacement).
    """
    length, scale = units.length, units.length_factor
    frame = tracks["frame"].to_numpy(np.int64)
    order = np.lexsort((frame, tracks["track"].to_numpy(np.int64)))
    track = tracks["track"].to_numpy(np.int64)[order]
    x = tracks["x_px"].to_numpy(np.float64)[order] * scale
    y = tracks["y_px"].to_numpy(np.float64)[order] * scale
    ordered_frame = frame[order]
    # Both differences are NaN at the first nucleus of a track.
    same = np.concatenate([[False], track[1:] == track[:-1]])[: len(track)]

    def step(values: FloatArray) -> FloatArray:
        return np.where(same, np.diff(values, prepend=np.nan), np.nan)

    dx, dy, n_frames = step(x), step(y), step(ordered_frame.astype(np.float64))
    displacement = np.hypot(dx, dy)
    direction = np.where(displacement > 0, _find_direction(dx, dy), np.nan)
    table = pd.DataFrame(
        {
            "track": track,
            "lineage": tracks["lineage"].to_numpy(np.int64)[order],
            "frame": ordered_frame,
            "label": tracks["label"].to_numpy(np.int64)[order],
            f"x_{length}": x,
            f"y_{length}": y,
            f"time_{units.time}": ordered_frame * units.time_factor,
            "step_frames": n_frames,
            f"displacement_{length}": displacement,
            f"speed_{units.speed}": displacement / (n_frames * units.time_factor),
            "direction_deg": direction,
        }
    )
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return table.iloc[back].reset_index(drop=True)


def _find_direction(dx: FloatArray, dy: FloatArray) -> FloatArray:
    """Direction in degrees, at least 0 and less than 360, of a step in image coordinates."""
    # The second modulo: a tiny negative angle comes out of the first one as 360.
    return np.degrees(np.arctan2(-dy, dx)) % 360 % 360


def measure_neighbours(tracks: pd.DataFrame) -> FloatArray:
    """Measure for each nucleus the distance to the nearest other one in its frame.

    Returns
    -------
    (n,) float64
        In pixels between centroids; NaN for a nucleus alone in its frame.
    """
    nearest = np.full(len(tracks), np.nan)
    places = tracks[["y_px", "x_px"]].to_numpy(np.float64)
    for rows in tracks.groupby("frame").indices.values():
        if len(rows) > 1:
            distance, _ = KDTree(places[rows]).query(places[rows], k=2)
            nearest[rows] = distance[:, 1]
    return nearest


def summarise_tracks(steps: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Summarise the movement of each track.

    Net displacement is the distance from the first to the last nucleus, total displacement
    the length of the path, straightness net over total (1 for a straight path; Beltman,
    Maree and de Boer 2009, Nature Reviews Immunology 9:789, there "confinement ratio"), the
    mean speed total displacement over duration.

    Parameters
    ----------
    steps : DataFrame
        From `measure_steps`.

    Returns
    -------
    DataFrame
        One row per track: `track`, `lineage`, `first_frame`, `last_frame`, `n_nuclei`,
        `n_missed_frames`, `duration_<time>`, `net_displacement_<length>`,
        `total_displacement_<length>`, `straightness`, `mean_speed_<speed>`,
        `max_speed_<speed>` and `direction_deg` of the net displacement. Of a track of one
        nucleus, what needs a step is NaN.
    """
    length = units.length
    ordered = steps.sort_values(["track", "frame"])
    groups = ordered.groupby("track")
    first, last = groups.first(), groups.last()
    n_nuclei = groups.size()
    duration = (last["frame"] - first["frame"]) * units.time_factor
    dx = last[f"x_{length}"] - first[f"x_{length}"]
    dy = last[f"y_{length}"] - first[f"y_{length}"]
    moved = n_nuclei > 1
    net = ((dx**2 + dy**2) ** 0.5).where(moved)
    total = groups[f"displacement_{length}"].sum(min_count=1)
    direction = _find_direction(dx.to_numpy(), dy.to_numpy())
    return pd.DataFrame(
        {
            "lineage": first["lineage"],
            "first_frame": first["frame"],
            "last_frame": last["frame"],
            "n_nuclei": n_nuclei,
            "n_missed_frames": last["frame"] - first["frame"] + 1 - n_nuclei,
            f"duration_{units.time}": duration,
            f"net_displacement_{length}": net,
            f"total_displacement_{length}": total,
            "straightness": net / total.where(total > 0),
            f"mean_speed_{units.speed}": total / duration.where(duration > 0),
            f"max_speed_{units.speed}": groups[f"speed_{units.speed}"].max(),
            "direction_deg": np.where(net > 0, direction, np.nan),
        }
    ).reset_index()


def list_divisions(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """List the divisions: tracks with two or more daughters.

    The frame is the first one with a daughter. The orientation is the angle of the line
    between the two daughters in the first frame that has both, 0 to 180 degrees (0 along
    the rows of the image, 90 along its columns); NaN with more than two daughters or where
    no frame has both.

    Returns
    -------
    DataFrame
        One row per division: `mother`, `lineage`, `frame`, `time_<time>`, `x_<length>` and
        `y_<length>` (the mother's last place), `n_daughters`, `daughter_1`, `daughter_2`
        (the lowest and the highest number), `daughter_distance_<length>`, `orientation_deg`.
    """
    length, scale = units.length, units.length_factor
    ordered = tracks.sort_values(["track", "frame"])
    firsts = ordered.drop_duplicates("track")
    daughters = firsts[firsts["parent"] > 0]
    born = daughters.groupby("parent")
    table = pd.DataFrame(
        {
            "frame": born["frame"].min(),
            "n_daughters": born.size(),
            "daughter_1": born["track"].min(),
            "daughter_2": born["track"].max(),
        }
    )
    table = table[table["n_daughters"] > 1].rename_axis("mother").reset_index()
    last = ordered.drop_duplicates("track", keep="last").set_index("track").loc[table["mother"]]
    table["lineage"] = last["lineage"].to_numpy()
    table[f"time_{units.time}"] = table["frame"] * units.time_factor
    table[f"x_{length}"] = last["x_px"].to_numpy() * scale
    table[f"y_{length}"] = last["y_px"].to_numpy() * scale

    places = ordered[["track", "frame", "x_px", "y_px"]]
    twins = table.loc[table["n_daughters"] == 2, ["mother", "daughter_1", "daughter_2"]]
    one = twins.merge(places, left_on="daughter_1", right_on="track")
    two = twins.merge(places, left_on="daughter_2", right_on="track")
    both = one.merge(two, on=["mother", "frame"]).sort_values("frame").drop_duplicates("mother")
    both = both.set_index("mother").reindex(table["mother"])
    dx = (both["x_px_y"] - both["x_px_x"]).to_numpy(np.float64)
    dy = (both["y_px_y"] - both["y_px_x"]).to_numpy(np.float64)
    distance = np.hypot(dx, dy)
    table[f"daughter_distance_{length}"] = distance * scale
    table["orientation_deg"] = np.where(distance > 0, _find_direction(dx, dy) % 180, np.nan)
    columns = ["mother", "lineage", "frame", f"time_{units.time}", f"x_{length}", f"y_{length}"]
    columns += ["n_daughters", "daughter_1", "daughter_2"]
    return table[[*columns, f"daughter_distance_{length}", "orientation_deg"]]


def count_nuclei(
    steps: pd.DataFrame,
    divisions: pd.DataFrame,
    *,
    frames: Sequence[int],
    image_shape: tuple[int, int],
    units: Units,
) -> pd.DataFrame:
    """Count nuclei, tracks and mitoses in every recorded frame.

    The rate of mitosis is the number of divisions since the recorded frame before over the
    nuclei in that frame and the time between; NaN in the first frame and after a frame
    without nuclei.

    Parameters
    ----------
    steps, divisions : DataFrame
        From `measure_steps` (with `nearest_neighbour_<length>` or not) and `list_divisions`.
    frames : sequence of int
        The recorded frame numbers, ascending.
    image_shape : (height, width) in pixels

    Returns
    -------
    DataFrame
        One row per recorded frame: `frame`, `time_<time>`, `n_nuclei`, `nuclei_per_mm2` (or
        `nuclei_per_megapixel`), `n_tracks` (that begin at or before and end at or after the
        frame, so also those that miss it), `n_mitoses`, `mitoses_per_nucleus_and_hour` (or
        `_frame`), `median_speed_<speed>`, `median_nearest_neighbour_<length>`.
    """
    numbers = np.asarray(frames, np.int64)
    n_nuclei = steps["frame"].value_counts().reindex(numbers, fill_value=0).to_numpy(np.int64)
    spans = steps.groupby("track")["frame"].agg(["min", "max"])
    begun = np.searchsorted(np.sort(spans["min"].to_numpy()), numbers, side="right")
    ended = np.searchsorted(np.sort(spans["max"].to_numpy()), numbers, side="left")
    # Divisions count in the first recorded frame at or after their own.
    slot = np.searchsorted(numbers, divisions["frame"].to_numpy(np.int64))
    n_mitoses = np.bincount(slot[slot < len(numbers)], minlength=len(numbers))
    area = image_shape[0] * image_shape[1] * units.length_factor**2 / 1e6
    hours = np.diff(numbers) * units.time_factor / (1 if units.time == "frames" else 60)
    rate = np.full(len(numbers), np.nan)
    before = n_nuclei[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate[1:] = np.where(before > 0, n_mitoses[1:] / (before * hours), np.nan)
    table = pd.DataFrame(
        {
            "frame": numbers,
            f"time_{units.time}": numbers * units.time_factor,
            "n_nuclei": n_nuclei,
            units.density: n_nuclei / area,
            "n_tracks": begun - ended,
            "n_mitoses": n_mitoses,
            units.mitosis_rate: rate,
        }
    )
    groups = steps.groupby("frame")
    for column in (f"speed_{units.speed}", f"nearest_neighbour_{units.length}"):
        if column in steps:
            table[f"median_{column}"] = groups[column].median().reindex(numbers).to_numpy()
    return table


def measure_displacement(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Measure the mean squared displacement over each time lag.

    Time-averaged: the mean over all pairs of nuclei of one track that lie the lag apart, of
    all tracks together, so a long track counts by its number of pairs (Qian, Sheetz and Elson
    1991, Biophysical Journal 60:910). Pairs overlap, so they are not independent; lags with
    few tracks say little.

    Returns
    -------
    DataFrame
        One row per lag that occurs: `lag_frames`, `lag_min` if known, `msd_<length>2`, `n_pairs`,
        `n_tracks`.
    """
    frame = tracks["frame"].to_numpy(np.int64)
    track = tracks["track"].to_numpy(np.int64)
    order = np.lexsort((frame, track))
    frame, track = frame[order], track[order]
    places = tracks[["y_px", "x_px"]].to_numpy(np.float64)[order] * units.length_factor
    rows = []
    if len(frame):
        # Room between tracks, so that a lag never leads into the next one.
        span = int(frame.max() - frame.min()) + 1
        key = (np.unique(track, return_inverse=True)[1] * 2 * span) + frame - frame.min()
        for lag in range(1, span):
            later = np.searchsorted(key, key + lag)
            later[later == len(key)] = len(key) - 1
            start = np.flatnonzero(key[later] == key + lag)
            if len(start) == 0:
                continue
            squared = ((places[later[start]] - places[start]) ** 2).sum(axis=1)
            n_tracks = 1 + np.count_nonzero(np.diff(track[start]))
            rows.append((lag, squared.mean(), len(start), n_tracks))
    msd = f"msd_{units.length}2"
    table = pd.DataFrame(rows, columns=["lag_frames", msd, "n_pairs", "n_tracks"])
    table = table.astype(dict.fromkeys(table, np.int64) | {msd: np.float64})
    if units.time != "frames":
        table.insert(1, f"lag_{units.time}", table["lag_frames"] * units.time_factor)
    return table

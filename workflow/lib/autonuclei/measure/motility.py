"""How nuclei move and divide: all tables that are made from the tracks of a movie.

Lengths are micrometres and times minutes where the pixel size and the frame interval are
known, else pixels and frames; the names of the columns say which. Directions and angles are
in degrees, 0 to the right and counted counter-clockwise as seen on the screen (image rows run
downwards). What is undefined is NaN.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from autonuclei.io.files import write_beside
from autonuclei.io.tables import add_columns
from autonuclei.measure.frames import count_nuclei
from autonuclei.measure.msd import (
    add_msd_interval,
    fit_exponents,
    measure_msd,
    measure_track_msd,
)
from autonuclei.measure.origins import shift_to_origin
from autonuclei.measure.steps import measure_neighbour_distance, measure_steps
from autonuclei.measure.tracks import list_divisions, summarise_tracks
from autonuclei.measure.units import Units
from autonuclei.settings import MotilitySettings
from autonuclei.track.drift import measure_common_steps

TABLES = ("steps", "tracks", "frames", "divisions", "msd", "track_msd", "origins", "drift")


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
    tracks : `summarise_tracks`, with `msd_exponent` and `n_msd_lags` from `fit_exponents`.
    frames : `count_nuclei`.
    divisions : `list_divisions`.
    msd : `measure_msd`, with `add_msd_interval`.
    track_msd : `measure_track_msd`.
    origins : `shift_to_origin`.
    drift : `tabulate_drift`.
    """

    units: Units
    drift_removed: bool
    steps: pd.DataFrame
    tracks: pd.DataFrame
    frames: pd.DataFrame
    divisions: pd.DataFrame
    msd: pd.DataFrame
    track_msd: pd.DataFrame
    origins: pd.DataFrame
    drift: pd.DataFrame


def measure_motility(
    tracks: pd.DataFrame,
    *,
    frames: Sequence[int],
    image_shape: tuple[int, int],
    pixel_size_um: float | None,
    frame_interval_min: float | None,
    remove_drift: bool = MotilitySettings.remove_drift,
) -> Motility:
    """Make all motility tables of a movie.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; see `autonuclei.track.link.LinkResult`.
    frames : sequence of int
        The frame numbers that were recorded, ascending. A number that is missing in the
        sequence has no row in the table of frames, and rates use the real time.
    image_shape : (height, width) in pixels
    pixel_size_um, frame_interval_min : float or None
        None where unknown.
    remove_drift : bool
        Take the common movement of all nuclei, which drift of the stage makes, out of steps,
        summaries and mean squared displacement.

    Returns
    -------
    Motility
    """
    units = Units(pixel_size_um, frame_interval_min)
    drift = tabulate_drift(tracks, units=units)
    moved = subtract_drift(tracks, drift, units=units) if remove_drift else tracks
    steps = measure_steps(moved, units=units)
    summary = summarise_tracks(steps, units=units)
    for axis in "xy":
        steps[f"{axis}_{units.length}"] = tracks[f"{axis}_px"].to_numpy() * units.length_factor
    column = f"nearest_neighbour_{units.length}"
    steps[column] = measure_neighbour_distance(tracks) * units.length_factor
    divisions = list_divisions(tracks, units=units)
    track_msd = measure_track_msd(moved, units=units)
    exponents = fit_exponents(track_msd, units=units).set_index("track")
    exponents = exponents.reindex(summary["track"]).reset_index()
    summary["msd_exponent"] = exponents["alpha"]
    summary["n_msd_lags"] = exponents["n_lags"].fillna(0).astype(np.int64)
    return Motility(
        units,
        remove_drift,
        steps,
        summary,
        count_nuclei(steps, divisions, frames=frames, image_shape=image_shape, units=units),
        divisions,
        add_msd_interval(measure_msd(moved, units=units), track_msd, units=units),
        track_msd,
        shift_to_origin(moved, units=units),
        drift,
    )


def mark_frames(motility: Motility, quality: Mapping[int, str]) -> Motility:
    """Add to steps and frames the column `quality`, by which a user leaves some out.

    Parameters
    ----------
    motility : Motility
    quality
        Of each frame "good", "look" or "unsuitable". A step has the worse of the two frames that
        it joins.
    """
    order = {"good": 0, "look": 1, "unsuitable": 2}
    names = np.array(list(order), dtype=object)
    rank = {frame: order[name] for frame, name in quality.items()}
    frame = motility.steps["frame"]
    before = (frame - motility.steps["step_frames"]).fillna(frame).astype(np.int64)
    worse = np.maximum(frame.map(rank).to_numpy(np.int64), before.map(rank).to_numpy(np.int64))
    return replace(
        motility,
        steps=motility.steps.assign(quality=names[worse]),
        frames=motility.frames.assign(quality=motility.frames["frame"].map(quality)),
    )


def write_motility(
    folder: str | os.PathLike[str],
    motility: Motility,
    *,
    columns: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write the tables as CSV, each by its name; give their paths.

    Parameters
    ----------
    folder
        Is there already.
    motility
    columns
        Last columns of each table, the same in all rows: what the sheet says of the sample.
    """
    paths = []
    for name in TABLES:
        path = Path(folder) / f"{name}.csv"
        with write_beside(path) as partial:
            add_columns(getattr(motility, name), columns or {}).to_csv(partial, index=False)
        paths.append(path)
    return paths


def tabulate_drift(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Tabulate how all nuclei move together from frame to frame: the drift of the stage.

    The median step of the tracks with a nucleus in both frames, along each axis. Nuclei that
    migrate as a sheet move together as well: the two cannot be told apart.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; columns `track`, `frame`, `x_px` and `y_px` are used.
    units : Units

    Returns
    -------
    DataFrame
        One row per frame with nuclei: `frame`, `time_<time>`, `n_tracks` (that go on from the
        frame before with nuclei), `step_x_<length>` and `step_y_<length>` (NaN for fewer than
        10 tracks), `drift_x_<length>` and `drift_y_<length>` (since the first frame; unknown
        steps count as none). To the right and downwards are positive.
    """
    frames, n_tracks, steps = measure_common_steps(tracks)
    steps = steps * units.length_factor
    drift = np.cumsum(np.nan_to_num(steps), axis=0)
    return pd.DataFrame(
        {
            "frame": frames,
            f"time_{units.time}": frames * units.time_factor,
            "n_tracks": n_tracks,
            f"step_x_{units.length}": steps[:, 0],
            f"step_y_{units.length}": steps[:, 1],
            f"drift_x_{units.length}": drift[:, 0],
            f"drift_y_{units.length}": drift[:, 1],
        }
    )


def subtract_drift(tracks: pd.DataFrame, drift: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Give the table of tracks with `x_px` and `y_px` as if the stage had stood still.

    Parameters
    ----------
    tracks : DataFrame
        Columns `frame`, `x_px` and `y_px` are used.
    drift : DataFrame
        From `tabulate_drift` of the same tracks with the same units.
    units : Units
    """
    at = np.searchsorted(drift["frame"].to_numpy(), tracks["frame"].to_numpy())
    return tracks.assign(
        **{
            f"{axis}_px": tracks[f"{axis}_px"].to_numpy(np.float64)
            - drift[f"drift_{axis}_{units.length}"].to_numpy()[at] / units.length_factor
            for axis in "xy"
        }
    )

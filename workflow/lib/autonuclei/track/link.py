"""From nuclei in frames to tracks, divisions and lineages.

Neighbouring frames are linked by linear assignment (Jaqaman et al. 2008, Nature Methods 5:695)
with costs that are negative log-likelihoods of how far a nucleus moves and how much its area
and brightness change; the widths of these come from the movie itself. Divisions are found in a
second pass, once the past of every possible mother and the future of every possible daughter
are known, and then the rest is linked again. Gaps are closed last.
"""

import logging
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.settings import TrackSettings
from autonuclei.track.assignment import Links, assign_links
from autonuclei.track.divisions import compute_division_reach, find_divisions
from autonuclei.track.drift import remove_drift
from autonuclei.track.frame_links import link_frames
from autonuclei.track.gaps import close_gaps
from autonuclei.track.spots import Floats, Ints, Spots, read_spots
from autonuclei.track.statistics import measure_statistics
from autonuclei.track.tables import tabulate_tracks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LinkResult:
    """Tracks, and what they were made with.

    Attributes
    ----------
    tracks : DataFrame
        The table of nuclei plus `track`, `lineage`, `parent` and `time_min`, sorted by track
        and frame; every nucleus is in it once. A division ends the mother's track.
    lineages : DataFrame
        One row per track: `track`, `lineage`, `parent` (0 = none), `first_frame`, `last_frame`,
        `n_spots`, `n_gaps`, `daughters` and `division_score` (0 to 1, of the division that ends
        the track, NaN if none).
    parameters : dict
        Settings, the values derived from the movie with the unit, and the frame numbers without
        nuclei, ready for JSON.
    """

    tracks: pd.DataFrame
    lineages: pd.DataFrame
    parameters: dict[str, Any]


def link_nuclei(
    table: pd.DataFrame,
    settings: TrackSettings = TrackSettings(),  # noqa: B008 (it is frozen)
    *,
    frame_interval_min: float | None = None,
) -> LinkResult:
    """Link the nuclei of all frames to tracks and find the divisions.

    Parameters
    ----------
    table : DataFrame
        One row per nucleus and frame with at least `frame`, `label`, `y_px`, `x_px` and
        `area_px`. `mean_intensity`, `background_intensity`, `eccentricity`, `orientation_rad`
        and `touches_border` are used where known. With `y_um`, `x_um` and `area_um2` lengths
        are in um, else in px.
    settings : TrackSettings
    frame_interval_min : float, optional
        Minutes between frames; None = unknown, `time_min` is then NaN.

    Returns
    -------
    LinkResult

    Raises
    ------
    InputError
        A column is missing, a position is empty, a label is listed twice in a frame, or a
        setting is out of range.
    """
    _check_settings(settings, frame_interval_min)
    table = table.sort_values(["frame", "label"], kind="stable").reset_index(drop=True)
    spots = read_spots(table)
    parameters: dict[str, Any] = {"settings": asdict(settings), "unit": spots.unit}
    if len(spots):
        links, divisions, scores, derived = _link_spots(spots, settings)
        parameters |= derived
    else:
        none = np.empty(0, np.int64)
        links, divisions, scores = Links(none, none), np.empty((0, 3), np.int64), np.empty(0)
    linked = links.before >= 0
    lapse = spots.frame[linked] - spots.frame[links.before[linked]]
    parameters |= {
        "frames_without_objects": _list_empty_frames(spots),
        "divisions": len(divisions),
        "gaps_closed": int((lapse > 1).sum()),
    }
    _log(parameters)
    tracks, lineages = tabulate_tracks(
        table,
        spots,
        before=links.before,
        divisions=divisions,
        scores=scores,
        frame_interval_min=frame_interval_min,
    )
    return LinkResult(tracks, lineages, parameters)


def _check_settings(settings: TrackSettings, frame_interval_min: float | None) -> None:
    for name in ("max_link_distance", "max_division_distance", "max_gap_distance"):
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise InputError(f"{name}: {value} is not above 0. Give a length or leave it empty.")
    if settings.max_frame_gap < 1:
        raise InputError(
            f"max_frame_gap: {settings.max_frame_gap} is below 1. Use 1 to close no gaps."
        )
    if not 0 <= settings.min_division_score <= 1:
        raise InputError(
            f"min_division_score: {settings.min_division_score} is not between 0 and 1. Correct it."
        )
    if frame_interval_min is not None and not frame_interval_min > 0:
        raise InputError(f"frame_interval_min: {frame_interval_min} is not above 0. Correct it.")


def _link_spots(
    spots: Spots, settings: TrackSettings
) -> tuple[Links, Ints, Floats, dict[str, Any]]:
    """Links, divisions, their scores, and what was derived from the movie."""
    statistics = measure_statistics(spots)
    drift = np.zeros((len(spots.frame_numbers), 2))
    if settings.remove_drift:
        spots, drift = remove_drift(spots, statistics)
        statistics = measure_statistics(spots)
    found = link_frames(
        spots,
        statistics,
        max_frame_gap=settings.max_frame_gap,
        max_link_distance=settings.max_link_distance,
    )
    links, statistics = found.links, found.statistics
    divisions, scores = np.empty((0, 3), np.int64), np.empty(0)
    mothers, daughters = np.zeros((2, len(spots)), bool)
    reach = settings.max_division_distance or compute_division_reach(statistics)
    if settings.find_divisions:
        divisions, scores = find_divisions(
            spots, found, reach=reach, min_score=settings.min_division_score
        )
        mothers[divisions[:, 0]] = True
        daughters[divisions[:, 1:]] = True
        links = assign_links(found.possible, found.ends, mothers=mothers, daughters=daughters)
    if settings.max_frame_gap > 1:
        gaps = close_gaps(
            spots,
            statistics,
            is_end=(links.following < 0) & ~mothers,
            is_start=(links.before < 0) & ~daughters,
            max_frame_gap=settings.max_frame_gap,
            max_link_distance=settings.max_link_distance,
            max_gap_distance=settings.max_gap_distance,
        )
        links = Links(
            np.where(gaps.following >= 0, gaps.following, links.following),
            np.where(gaps.before >= 0, gaps.before, links.before),
        )
    longest, gap = (
        statistics.compute_reach(lapse, settings.max_link_distance)
        for lapse in (1, settings.max_frame_gap)
    )
    gap = settings.max_gap_distance or gap
    derived = {
        "nucleus_diameter": statistics.diameter,
        "nearest_neighbour_distance": statistics.neighbour_distance,
        "step_sigma": statistics.step_sigma,
        "log_area_change_sigma": statistics.area_sigma,
        "log_intensity_change_sigma": statistics.contrast_sigma,
        "max_link_distance": longest,
        "max_division_distance": reach if settings.find_divisions else None,
        "max_gap_distance": gap if settings.max_frame_gap > 1 else None,
        "own_motion_weight": statistics.own_motion,
        "neighbour_motion_weight": statistics.neighbour_motion,
        "stage_drift": drift.round(3).tolist(),
    }
    return links, divisions, scores, derived


def _list_empty_frames(spots: Spots) -> list[int]:
    """Frame numbers without nuclei between the first and the last with any."""
    known = spots.frame_numbers.tolist()
    return sorted(set(range(known[0], known[-1] + 1)) - set(known)) if known else []


def _log(parameters: dict[str, Any]) -> None:
    if parameters["frames_without_objects"]:
        logger.warning(
            "No objects in frame(s) %s: tracks go on across at most %d frame(s) without objects.",
            ", ".join(map(str, parameters["frames_without_objects"])),
            parameters["settings"]["max_frame_gap"] - 1,
        )
    if "step_sigma" in parameters:
        logger.info(
            "Lengths in %(unit)s: nucleus diameter %(nucleus_diameter).3g, nearest neighbour"
            " %(nearest_neighbour_distance).3g, step sigma %(step_sigma).3g, longest link"
            " %(max_link_distance).3g, mother to daughter at most %(daughters)s, over a gap at most"
            " %(gaps)s. %(divisions)d divisions, %(gaps_closed)d gaps closed.",
            parameters
            | {
                "daughters": _say(parameters["max_division_distance"]),
                "gaps": _say(parameters["max_gap_distance"]),
            },
        )


def _say(length: float | None) -> str:
    return "nothing (not looked for)" if length is None else f"{length:.3g}"

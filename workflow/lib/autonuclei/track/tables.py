"""Tables of tracks and lineages from links and divisions."""

import numpy as np
import pandas as pd

from autonuclei.track.spots import Floats, Ints, Spots


def tabulate_tracks(
    nuclei: pd.DataFrame,
    spots: Spots,
    *,
    before: Ints,
    divisions: Ints,
    scores: Floats,
    frame_interval_min: float | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the tables of tracks and of lineages; see `autonuclei.track.link.LinkResult`.

    Parameters
    ----------
    nuclei : DataFrame
        The table from which `spots` was read.
    before : (n,)
        Spot before each in its track, -1 = none.
    divisions : (m, 3)
        Mother and daughters as numbers of spots.
    scores : (m,)
        Of the divisions.
    frame_interval_min
        None = unknown.
    """
    track, lineage, parent = _number_tracks(spots, before, divisions)
    tracks = nuclei.assign(
        track=track,
        lineage=lineage[track - 1],
        parent=parent[track - 1],
        time_min=spots.frame * (np.nan if frame_interval_min is None else frame_interval_min),
    )
    tracks = tracks.sort_values(["track", "frame"], kind="stable").reset_index(drop=True)
    score_of = dict(zip(track[divisions[:, 0]].tolist(), scores.tolist(), strict=True))
    return tracks, _tabulate_lineages(tracks, score_of)


def _number_tracks(spots: Spots, before: Ints, divisions: Ints) -> tuple[Ints, Ints, Ints]:
    """Track of every spot, and lineage and parent of every track (index = track - 1)."""
    track = np.zeros(len(before), np.int64)
    mother_of = np.full(len(before), -1, np.int64)
    mother_of[divisions[:, 1:]] = divisions[:, :1]
    lineages = [np.zeros(0, np.int64)]
    parents = [np.zeros(0, np.int64)]
    n_tracks = n_lineages = 0
    for i in range(len(spots.frame_numbers)):
        here = np.arange(spots.starts[i], spots.starts[i + 1])
        goes_on = before[here] >= 0
        track[here[goes_on]] = track[before[here[goes_on]]]
        new = here[~goes_on]
        track[new] = n_tracks + 1 + np.arange(len(new))
        n_tracks += len(new)
        mother = mother_of[new]
        parent = np.where(mother >= 0, track[mother], 0)
        founds = parent == 0
        lineage = np.where(founds, n_lineages + np.cumsum(founds), 0)
        n_lineages += int(founds.sum())
        if not founds.all():
            lineage = np.where(founds, lineage, np.concatenate(lineages)[parent - 1])
        lineages.append(lineage)
        parents.append(parent)
    return track, np.concatenate(lineages), np.concatenate(parents)


def _tabulate_lineages(tracks: pd.DataFrame, score_of: dict[int, float]) -> pd.DataFrame:
    table = (
        tracks.assign(skips=tracks.groupby("track")["frame"].diff() > 1)
        .groupby("track")
        .agg(
            lineage=("lineage", "first"),
            parent=("parent", "first"),
            first_frame=("frame", "min"),
            last_frame=("frame", "max"),
            n_spots=("frame", "size"),
            n_gaps=("skips", "sum"),
        )
        .reset_index()
    )
    daughters = table.loc[table["parent"] > 0, "parent"].value_counts()
    table["daughters"] = table["track"].map(daughters).fillna(0)
    table["division_score"] = table["track"].map(score_of).astype("float64")
    # In an empty table columns have types of their own.
    return table.astype({name: "int64" for name in table if name != "division_score"})

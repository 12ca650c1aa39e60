"""Lineages with known cycle durations, for tests of what is measured of them."""

import numpy as np
import numpy.typing as npt
import pandas as pd

MEDIAN_CYCLE = 40.0  # frames
SPREAD = 0.2  # standard deviation of the logarithm of a duration
GROWTH = np.log(2) / MEDIAN_CYCLE  # of the area per frame
COLUMNS = ["track", "parent", "lineage", "start", "end", "birth", "size", "level"]


def grow_lineages(
    random: np.random.Generator,
    *,
    n_founders: int = 12,
    n_frames: int = 100,
    sister_correlation: float = 0.6,
    loss: float = 0.0,
) -> pd.DataFrame:
    """Draw nuclei that divide until the movie ends.

    Durations are log-normal with the median `MEDIAN_CYCLE`; of the variance of their logarithm,
    `sister_correlation` is shared by sisters. Founders are somewhere in their cycle. `loss` is
    the chance of a nucleus to be lost after any frame.

    Returns
    -------
    DataFrame
        One row per track: `track`, `parent`, `lineage`, first frame `start`, last frame `end`,
        `birth` (False for founders), area at birth `size` and brightness `level` (these, too, are
        alike in sisters).
    """
    rows = []
    waiting = []
    n_tracks = 0
    for lineage in range(1, n_founders + 1):
        n_tracks += 1
        waiting.append((n_tracks, 0, lineage, 0, *random.normal(size=3)))
    while waiting:
        track, parent, lineage, start, *shared = waiting.pop(0)
        own = np.sqrt(sister_correlation) * np.array(shared)
        own += np.sqrt(1 - sister_correlation) * random.normal(size=3)
        duration = max(2, round(MEDIAN_CYCLE * np.exp(SPREAD * own[0])))
        if parent == 0:
            duration = random.integers(1, duration + 1)
        end = start + duration - 1
        divides = end < n_frames - 1
        if loss:
            lost = start + int(random.geometric(loss)) - 1
            divides = divides and lost > end
            end = min(end, lost)
        end = min(end, n_frames - 1)
        size, level = 100 * np.exp(0.1 * own[1]), 50 * np.exp(0.3 * own[2])
        rows.append((track, parent, lineage, start, end, parent > 0, size, level))
        if divides:
            shared = random.normal(size=3)
            for _ in range(2):
                n_tracks += 1
                waiting.append((n_tracks, track, lineage, end + 1, *shared))
    return pd.DataFrame(rows, columns=COLUMNS)


def make_lineage_tracks(nuclei: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Make the table of tracks of drawn nuclei: they wander, grow, and double their channel."""
    lengths = (nuclei["end"] - nuclei["start"] + 1).to_numpy()
    tracks = nuclei.loc[nuclei.index.repeat(lengths)].reset_index(drop=True)
    age = tracks.groupby("track").cumcount()
    places: dict[int, npt.NDArray[np.float64]] = {}
    for row, length in zip(nuclei.itertuples(), lengths, strict=True):
        first = places[row.parent][-1] if row.parent else random.uniform(0, 500, 2)
        places[row.track] = first + random.normal(scale=2, size=(length, 2)).cumsum(axis=0)
    joined = np.concatenate([places[track] for track in nuclei["track"]])
    return pd.DataFrame(
        {
            "frame": tracks["start"] + age,
            "label": tracks["track"],
            "track": tracks["track"],
            "lineage": tracks["lineage"],
            "parent": tracks["parent"],
            "y_px": joined[:, 0],
            "x_px": joined[:, 1],
            "area_px": tracks["size"] * np.exp(GROWTH * age),
            "mean_intensity": tracks["level"] * (1 + age / MEDIAN_CYCLE),
            "touches_border": False,
        }
    )

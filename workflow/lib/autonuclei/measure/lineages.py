"""Cell cycles from birth to division, what is known of the unfinished ones, and sisters.

A cycle begins with the first frame that has a daughter of a division and ends with the first
frame that has a daughter of its own, so that the cycles of a lineage follow each other without
a gap. Most cycles of a movie are not seen from end to end. Leaving them out makes durations too
short, as long ones are cut off more often; the Kaplan-Meier estimate counts a cycle for as long
as it was seen.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from autonuclei.measure.units import Units

Floats = NDArray[np.float64]

# How tracks begin and end, other than by a division.
STARTS = ("division", "first_frame", "at_border", "appeared")
ENDS = ("division", "last_frame", "at_border", "lost")
# Below this many nuclei a slope says little.
MIN_GROWTH_NUCLEI = 5
# Below this many pairs a correlation has no interval.
MIN_PAIRS = 4


def tabulate_cycles(
    tracks: pd.DataFrame,
    *,
    frames: Sequence[int],
    units: Units,
    channels: Sequence[str] = ("mean_intensity",),
    n_birth_frames: int = 3,
) -> pd.DataFrame:
    """Tabulate how each track begins and ends, and its cycle.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; columns `track`, `lineage`, `parent`, `frame`, `area_px` and
        `touches_border` are used, and `channels`.
    frames : sequence of int
        The frame numbers that were recorded, ascending.
    units : Units
    channels : sequence of str
        Columns of which the value at birth is wanted.
    n_birth_frames : int
        Over how many frames after birth area and channels are averaged. As many at both ends of
        a cycle are left out of the growth rate, as a nucleus is small and bright in mitosis.

    Returns
    -------
    DataFrame
        One row per track, in the order of their numbers:

        - `track`, `lineage`, `parent` (0 = none)
        - `generation`: divisions since the first nucleus of the lineage, which has 0
        - `start`: `division`, `first_frame`, `at_border` (touches it when first seen) or
          `appeared`; `end`: `division`, `last_frame`, `at_border` or `lost`
        - `first_frame`, `last_frame`: where its nuclei are
        - `birth_frame`, `birth_time_<time>`, `division_frame`, `division_time_<time>`: NaN where
          not seen
        - `duration_<time>`: from birth to division, NaN where one of them was not seen
        - `observed_<time>`: from birth to division or to where it was last seen, NaN without birth
        - `n_birth_nuclei`, `birth_area_um2` (or `_px`), `birth_<channel>`: mean of the nuclei in
          the frames after birth, and how many there are; NaN and 0 without birth
        - `area_growth_per_hour` (or `_per_frame`): slope of the logarithm of the area; NaN for
          fewer than `MIN_GROWTH_NUCLEI` nuclei
    """
    ordered = tracks.sort_values(["track", "frame"], kind="stable")
    first = ordered.drop_duplicates("track").set_index("track")
    last = ordered.drop_duplicates("track", keep="last").set_index("track")
    parent = first["parent"].astype(np.int64)
    families = first[parent > 0].groupby("parent")["frame"].agg(["min", "size"])
    # One daughter alone is no division, but a track that was cut.
    divided = families.loc[families["size"] > 1, "min"].astype(np.float64)
    birth = parent.map(divided).astype(np.float64)
    division = divided.reindex(first.index)
    end = division.fillna(last["frame"].astype(np.float64))
    table = pd.DataFrame(
        {
            "lineage": first["lineage"].astype(np.int64),
            "parent": parent,
            "generation": _count_generations(parent, birth.notna()),
            "start": _choose_reason(
                STARTS, birth.notna(), first["frame"] <= min(frames, default=0), first
            ),
            "end": _choose_reason(
                ENDS, division.notna(), last["frame"] >= max(frames, default=0), last
            ),
            "first_frame": first["frame"].astype(np.int64),
            "last_frame": last["frame"].astype(np.int64),
            "birth_frame": birth,
            f"birth_time_{units.time}": birth * units.time_factor,
            "division_frame": division,
            f"division_time_{units.time}": division * units.time_factor,
            f"duration_{units.time}": (division - birth) * units.time_factor,
            f"observed_{units.time}": (end - birth) * units.time_factor,
        }
    )
    area = name_area(units)
    measured = ordered[["track", "frame", *channels]].assign(
        **{area: ordered["area_px"].to_numpy(np.float64) * units.length_factor**2}
    )
    since = measured["frame"] - measured["track"].map(birth)
    until = measured["track"].map(division) - measured["frame"]
    young = measured[since < n_birth_frames].groupby("track")
    table["n_birth_nuclei"] = young.size().reindex(table.index, fill_value=0)
    for column in (area, *channels):
        table[f"birth_{column}"] = young[column].mean().reindex(table.index)
    # Of what was not seen born, or does not divide, no frame is left out.
    grown = measured[~(since < n_birth_frames) & ~(until <= n_birth_frames)]
    per_frame = _measure_growth(grown, area).reindex(table.index)
    if units.frame_interval_min is None:
        table["area_growth_per_frame"] = per_frame
    else:
        table["area_growth_per_hour"] = per_frame * 60 / units.frame_interval_min
    return table.rename_axis("track").reset_index()


def name_area(units: Units) -> str:
    """Name of the area in tables of cycles: `area_um2`, or `area_px` without a pixel size."""
    return "area_px" if units.pixel_size_um is None else "area_um2"


def _count_generations(parent: pd.Series, born: pd.Series) -> pd.Series:
    generation = pd.Series(0, parent.index, dtype=np.int64)
    level = parent.index[~parent.isin(parent.index)]
    while len(level):
        level = parent.index[parent.isin(level)]
        generation[level] = generation[parent[level]].to_numpy() + born[level].to_numpy()
    return generation


def _choose_reason(
    names: Sequence[str], divides: pd.Series, at_limit: pd.Series, nuclei: pd.DataFrame
) -> NDArray[np.object_]:
    conditions = [divides, at_limit, nuclei["touches_border"].astype(bool)]
    chosen = np.select([own.to_numpy() for own in conditions], list(names[:-1]), names[-1])
    return chosen.astype(object)


def _measure_growth(nuclei: pd.DataFrame, area: str) -> pd.Series:
    """Slope of the logarithm of the area over the frames of each track."""
    track = nuclei["track"]
    x = nuclei["frame"] - nuclei.groupby("track")["frame"].transform("mean")
    logarithm = np.log(nuclei[area])
    sums = pd.DataFrame({"xy": x * logarithm, "xx": x * x}).groupby(track).sum()
    enough = track.groupby(track).size() >= MIN_GROWTH_NUCLEI
    return (sums["xy"] / sums["xx"]).where(enough)


def estimate_survival(
    cycles: pd.DataFrame, *, units: Units, confidence: float = 0.95
) -> pd.DataFrame:
    """Estimate which share of nuclei has not divided at an age (Kaplan and Meier 1958).

    All tracks that were seen born count for as long as they were seen. That is right where
    cycles end unseen for reasons that have nothing to do with their length: the end of the
    movie, leaving the field. Nuclei of one lineage resemble each other, so that the interval
    counts lineages and not nuclei: infinitesimal jackknife over lineages on the scale
    log(-log), t distribution with one degree of freedom less than lineages.

    Parameters
    ----------
    cycles : DataFrame
        From `tabulate_cycles`.
    units : Units
    confidence : float

    Returns
    -------
    DataFrame
        One row per age at which nuclei divided: `age_<time>`, `n_at_risk` (seen to that age),
        `n_divided`, `share_undivided`, `low`, `high` (NaN with one lineage, and where nobody
        is left).
    """
    born = cycles[cycles["start"] == "division"]
    seen = born[f"observed_{units.time}"].to_numpy(np.float64)
    divided = (born["end"] == "division").to_numpy()
    ages, n_divided = np.unique(seen[divided], return_counts=True)
    at_risk = seen[:, None] >= ages
    n_at_risk = at_risk.sum(axis=0)
    hazard = n_divided / np.maximum(n_at_risk, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.cumsum(np.log1p(-hazard))
        excess = (divided[:, None] & (seen[:, None] == ages)) - at_risk * hazard
        influence = np.cumsum(excess / (n_at_risk * (1 - hazard)), axis=1)
        lineage = np.unique(born["lineage"].to_numpy(), return_inverse=True)[1]
        n_lineages = int(lineage.max(initial=-1)) + 1
        sums = np.zeros((n_lineages, len(ages)))
        np.add.at(sums, lineage, influence)
        reach = np.full(len(ages), np.nan)
        if n_lineages > 1:
            variance = (sums**2).sum(axis=0) * n_lineages / (n_lineages - 1)
            quantile = stdtrit(n_lineages - 1, 0.5 + confidence / 2)
            reach = quantile * np.sqrt(variance) / -logarithm
        low, high = (np.exp(logarithm * np.exp(sign * reach)) for sign in (1, -1))
    return pd.DataFrame(
        {
            f"age_{units.time}": ages,
            "n_at_risk": n_at_risk,
            "n_divided": n_divided,
            "share_undivided": np.exp(logarithm),
            "low": low,
            "high": high,
        }
    )


def summarise_cycles(
    cycles: pd.DataFrame, *, units: Units, confidence: float = 0.95
) -> pd.DataFrame:
    """Count complete and unfinished cycles and estimate the median duration.

    Parameters
    ----------
    cycles : DataFrame
        From `tabulate_cycles`.
    units : Units
    confidence : float
        Of the interval, which holds the ages at which the interval of `estimate_survival` holds
        one half (Brookmeyer and Crowley 1982).

    Returns
    -------
    DataFrame
        One row: `n_tracks`; `n_complete` cycles; unfinished ones with a birth:
        `n_until_last_frame`, `n_left_at_border`, `n_lost`; tracks without a birth:
        `n_from_first_frame`, `n_not_seen_born`; `n_lineages` with a birth;
        `mean_complete_<time>` (of the complete ones: too short, see above); `median_<time>` with
        `median_low_<time>` and `median_high_<time>` (Kaplan-Meier; NaN where the curve or its
        limit does not come down to one half).
    """
    born = cycles["start"] == "division"
    survival = estimate_survival(cycles, units=units, confidence=confidence)
    ages = survival[f"age_{units.time}"].to_numpy(np.float64)

    def find_median(share: Floats) -> float:
        below = np.flatnonzero(share <= 0.5 + 1e-12)
        return float(ages[below[0]]) if len(below) else np.nan

    row = {
        "n_tracks": len(cycles),
        "n_complete": int((born & (cycles["end"] == "division")).sum()),
        "n_until_last_frame": int((born & (cycles["end"] == "last_frame")).sum()),
        "n_left_at_border": int((born & (cycles["end"] == "at_border")).sum()),
        "n_lost": int((born & (cycles["end"] == "lost")).sum()),
        "n_from_first_frame": int((cycles["start"] == "first_frame").sum()),
        "n_not_seen_born": int(cycles["start"].isin(["at_border", "appeared"]).sum()),
        "n_lineages": int(cycles.loc[born, "lineage"].nunique()),
        f"mean_complete_{units.time}": float(cycles[f"duration_{units.time}"].mean()),
    }
    for name, column in (("", "share_undivided"), ("low_", "low"), ("high_", "high")):
        row[f"median_{name}{units.time}"] = find_median(survival[column].to_numpy(np.float64))
    return pd.DataFrame([row])


def pair_sisters(cycles: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Put the two daughters of each division side by side.

    Parameters
    ----------
    cycles : DataFrame
        From `tabulate_cycles`; divisions with more than two daughters are left out.
    columns : sequence of str
        Columns of `cycles` to compare.

    Returns
    -------
    DataFrame
        One row per pair: `mother`, `lineage`, `sister_1` and `sister_2` (the lower and the higher
        track number), and `<column>_1`, `<column>_2` for each column.
    """
    born = cycles.loc[cycles["start"] == "division", ["parent", "lineage", "track", *columns]]
    born = born.sort_values(["parent", "track"], kind="stable")
    born = born[born.groupby("parent")["track"].transform("size") == 2]
    one, two = born.iloc[::2].reset_index(drop=True), born.iloc[1::2].reset_index(drop=True)
    pairs = {
        "mother": one["parent"],
        "lineage": one["lineage"],
        "sister_1": one["track"],
        "sister_2": two["track"],
    }
    for column in columns:
        pairs |= {f"{column}_1": one[column], f"{column}_2": two[column]}
    return pd.DataFrame(pairs)


def correlate_sisters(
    pairs: pd.DataFrame, columns: Sequence[str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Measure how alike sisters are.

    Which sister comes first means nothing, so that it is the intraclass correlation: of all
    pairs in both orders. Its interval is Fisher's (1925, Statistical Methods for Research
    Workers, section 39), with standard error 1/sqrt(n - 3/2) of the transformed correlation.
    Durations are compared where both sisters divided, which prefers short ones.

    Parameters
    ----------
    pairs : DataFrame
        From `pair_sisters` with the same columns.
    columns : sequence of str
    confidence : float

    Returns
    -------
    DataFrame
        One row per column: `measure`, `n_pairs` (with a value for both), `correlation` (NaN for
        fewer than two pairs or where all are equal), `low`, `high` (NaN for fewer than
        `MIN_PAIRS` pairs).
    """
    rows = []
    for column in columns:
        both = pairs[[f"{column}_1", f"{column}_2"]].to_numpy(np.float64)
        both = both[np.isfinite(both).all(axis=1)]
        correlation = low = high = np.nan
        centred = both - both.mean() if len(both) else both
        spread = (centred**2).sum() / 2
        if len(both) > 1 and spread > 0:
            correlation = float(np.clip(centred.prod(axis=1).sum() / spread, -1, 1))
        if len(both) >= MIN_PAIRS and abs(correlation) < 1:
            # Fisher's transform is biased for pairs in both orders; the second term mends that.
            middle = np.arctanh(correlation) + 1 / (2 * len(both) - 1)
            reach = _find_normal_quantile(confidence) / np.sqrt(len(both) - 1.5)
            low, high = np.tanh([middle - reach, middle + reach])
        rows.append((column, len(both), correlation, low, high))
    return pd.DataFrame(rows, columns=["measure", "n_pairs", "correlation", "low", "high"])


def _find_normal_quantile(confidence: float) -> float:
    return float(stdtrit(np.inf, 0.5 + confidence / 2))

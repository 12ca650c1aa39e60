"""Do conditions differ? Tidy tables, means of replicates, effect sizes, plates.

Nuclei of one dish are no independent experiments. So values are averaged over the nuclei of a
sample, over the samples of a replicate, and only replicates are compared (Lord et al. 2020,
Journal of Cell Biology 219:e202001064).
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import nctdtrinc, stdtr, stdtrit

from autonuclei.errors import InputError

Floats = NDArray[np.float64]

# What the sheet says of a sample, as it stands in front in tables of all samples.
SHEET_COLUMNS = ("condition", "replicate", "plate", "well", "site", "sample")
# Fewer replicates than this in a condition give no p-value.
MIN_REPLICATES = 3
# Rows and columns of plates of 6, 12, 24, 48, 96, 384 and 1536 wells.
PLATES = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))


def gather_samples(
    tables: Mapping[str, pd.DataFrame], columns: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    """Put the tables of all samples below each other, with what the sheet says in front.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By sample. Columns that the sheet gives, too, give way.
    columns : mapping of str to mapping of str to str
        For each sample what the sheet says of it, such as `condition`; text.

    Returns
    -------
    DataFrame
        Those of `SHEET_COLUMNS` that occur (`sample` always), then the columns of the tables.
        Numbers of tracks count within a sample.
    """
    parts = []
    for sample, table in tables.items():
        known = {**columns.get(sample, {}), "sample": sample}
        parts.append(table.drop(columns=list(known), errors="ignore").assign(**known))
    filled = [part for part in parts if len(part)] or parts[:1]
    joined = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame({"sample": []})
    front = [name for name in SHEET_COLUMNS if name in joined]
    joined[front] = joined[front].astype(object).fillna("").astype(str)
    return joined[[*front, *joined.columns.drop(front)]]


def average_samples(table: pd.DataFrame, values: Sequence[str]) -> pd.DataFrame:
    """Average values over the rows (nuclei or tracks) of each sample.

    Parameters
    ----------
    table : DataFrame
        From `gather_samples`.
    values : sequence of str
        Columns to average; NaN do not count.

    Returns
    -------
    DataFrame
        One row per sample, in the order of the table: the columns of the sheet, `n_rows`, and
        the means under the names of `values`.
    """
    front = [name for name in SHEET_COLUMNS if name in table]
    groups = table.groupby(front, sort=False)
    means = groups[list(values)].mean()
    means.insert(0, "n_rows", groups.size())
    return means.reset_index()


def average_replicates(samples: pd.DataFrame, values: Sequence[str]) -> pd.DataFrame:
    """Average values over the samples of each replicate; each sample counts the same.

    Where the sheet names no replicate, the samples of one well are one, for the sites of a well
    are no independent experiments; without a well every sample is one.

    Parameters
    ----------
    samples : DataFrame
        One row per sample with its columns of the sheet, as from `average_samples`; rows without
        a `condition` are left out.
    values : sequence of str
        Columns to average; NaN do not count.

    Returns
    -------
    DataFrame
        One row per condition and replicate, in the order of the table: `condition`, `replicate`,
        `replicate_is` (`replicate`, `well` or `sample`: what it goes by), `n_samples`, and the
        means under the names of `values`.
    """
    own = name_replicates(samples)
    own = own[own["condition"] != ""]
    groups = own.groupby(["condition", "replicate", "replicate_is"], sort=False)
    means = groups[list(values)].mean()
    means.insert(0, "n_samples", groups.size())
    return means.reset_index()


def name_replicates(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table with a name for every replicate: that of the sheet, the well or the sample.

    Parameters
    ----------
    table : DataFrame
        With `sample`, and with `replicate`, `plate` and `well` or not.

    Returns
    -------
    DataFrame
        The table with the columns `condition` (empty where it has none), `replicate` and
        `replicate_is` (`replicate`, `well` or `sample`).
    """
    empty = pd.Series("", table.index, dtype=str)
    condition, replicate, plate, well = (
        table[name].fillna("") if name in table else empty
        for name in ("condition", "replicate", "plate", "well")
    )
    place = (plate + " " + well).str.strip()
    source = np.select([replicate != "", well != ""], ["replicate", "well"], "sample")
    named = replicate.where(replicate != "", place.where(well != "", table["sample"]))
    return table.assign(condition=condition, replicate=named, replicate_is=source)


def compare_conditions(
    replicates: pd.DataFrame,
    values: Sequence[str],
    *,
    control: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare the means of replicates of every condition with those of the control.

    Intervals of the difference are Welch's, those of Hedges' g by the noncentral t distribution
    (Hedges and Olkin 1985; it takes both conditions to be equally variable). With 3 replicates
    the first held the truth in 93 to 98 % of drawn experiments and the second in 91 to 96 %, a
    bootstrap over replicates in 74 to 81 %. P-values are of Welch's t-test over replicates: a
    permutation of 3 and 3 cannot go below 0.1.

    Parameters
    ----------
    replicates : DataFrame
        From `average_replicates`.
    values : sequence of str
        Columns to compare; NaN do not count.
    control : str, optional
        Condition to compare with; None: the first one.
    confidence : float

    Returns
    -------
    DataFrame
        One row per value and condition other than the control: `measure`, `condition`,
        `control`, `n_replicates`, `n_control`, `mean`, `mean_control`, `difference` (to the mean
        of the control) with `difference_low` and `difference_high`, `hedges_g` (difference in
        standard deviations of replicates, corrected for their number) with `g_low` and `g_high`,
        `p_value` (NaN for fewer than `MIN_REPLICATES` replicates), `p_holm` (corrected for all
        comparisons of the table, Holm 1979) and `note` (why something is NaN, else empty).

    Raises
    ------
    InputError
        There is no such control.
    """
    conditions = list(dict.fromkeys(replicates["condition"]))
    if control is None:
        control = conditions[0] if conditions else ""
    elif control not in conditions:
        raise InputError(
            f"control: no sample has the condition {control!r}. Use one of: {', '.join(conditions)}"
        )
    rows = []
    for measure in values:
        known = replicates[["condition", measure]].dropna()
        groups = {
            name: known.loc[known["condition"] == name, measure].to_numpy(np.float64)
            for name in conditions
        }
        for condition in conditions:
            if condition != control:
                names = {"measure": measure, "condition": condition, "control": control}
                compared = _compare(groups[condition], groups[control], confidence)
                rows.append(names | compared)
    columns = ["measure", "condition", "control", *_compare(np.ones(1), np.ones(1), confidence)]
    table = pd.DataFrame(rows, columns=columns)
    corrected = _correct_holm(table["p_value"].to_numpy(np.float64))
    table.insert(list(table).index("p_value") + 1, "p_holm", corrected)
    return table


def estimate_mean(values: Floats, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of replicates and the ends of its interval (t distribution), NaN where undefined."""
    values = values[np.isfinite(values)]
    n = len(values)
    if n == 0:
        return np.nan, np.nan, np.nan
    mean, reach = float(values.mean()), np.nan
    if n > 1:
        reach = stdtrit(n - 1, 0.5 + confidence / 2) * values.std(ddof=1) / np.sqrt(n)
    return mean, mean - reach, mean + reach


def _compare(own: Floats, control: Floats, confidence: float) -> dict[str, float | int | str]:
    n, m = len(own), len(control)
    mean, base = (values.mean() if len(values) else np.nan for values in (own, control))
    difference = mean - base
    low = high = g = g_low = g_high = p_value = np.nan
    note = ""
    if min(n, m) == 0:
        note = "no values"
    elif min(n, m) == 1:
        note = "a single replicate: no interval and no p-value"
    else:
        # Of the means.
        variances = own.var(ddof=1) / n, control.var(ddof=1) / m
        total = sum(variances)
        if total <= (1e-12 * max(abs(mean), abs(base))) ** 2:
            note = "all replicates are equal: no interval and no p-value"
        else:
            freedom = total**2 / (variances[0] ** 2 / (n - 1) + variances[1] ** 2 / (m - 1))
            reach = stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(total)
            low, high = difference - reach, difference + reach
            g, g_low, g_high = _measure_hedges(own, control, confidence)
            if min(n, m) < MIN_REPLICATES:
                note = f"fewer than {MIN_REPLICATES} replicates: no p-value"
            else:
                p_value = 2 * stdtr(freedom, -abs(difference) / np.sqrt(total))
    return {
        "n_replicates": n,
        "n_control": m,
        "mean": mean,
        "mean_control": base,
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "hedges_g": g,
        "g_low": g_low,
        "g_high": g_high,
        "p_value": p_value,
        "note": note,
    }


def _measure_hedges(own: Floats, control: Floats, confidence: float) -> tuple[float, float, float]:
    n, m = len(own), len(control)
    freedom = n + m - 2
    pooled = np.sqrt(((n - 1) * own.var(ddof=1) + (m - 1) * control.var(ddof=1)) / freedom)
    d = (own.mean() - control.mean()) / pooled
    scale = np.sqrt(1 / n + 1 / m)
    ends = (0.5 + confidence / 2, 0.5 - confidence / 2)
    low, high = (float(nctdtrinc(freedom, end, d / scale)) * scale for end in ends)
    return float(d * (1 - 3 / (4 * freedom - 1))), low, high


def _correct_holm(p_values: Floats) -> Floats:
    corrected = np.full(len(p_values), np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * factors))
    return corrected


def locate_well(well: str) -> tuple[int, int] | None:
    """Find row and column of a well, counted from 1; None where the name does not say.

    `B03`, `b3`, `B-3` and `AF48` (letters and number) and `r02c05` (as Opera and Operetta
    write) are understood.
    """
    name = well.strip()
    numbers = re.fullmatch(r"r0*(\d{1,2})c0*(\d{1,2})", name, re.IGNORECASE)
    letters = re.fullmatch(r"([A-Z]{1,2})[-_ ]?0*(\d{1,2})", name, re.IGNORECASE)
    if numbers:
        row, column = int(numbers[1]), int(numbers[2])
    elif letters:
        row = 0
        for letter in letters[1].upper():
            row = 26 * row + ord(letter) - ord("A") + 1
        column = int(letters[2])
    else:
        return None
    inside = 1 <= row <= PLATES[-1][0] and 1 <= column <= PLATES[-1][1]
    return (row, column) if inside else None


def tabulate_wells(samples: pd.DataFrame, values: Sequence[str]) -> pd.DataFrame:
    """Average values over the samples (sites) of each well, with its place on the plate.

    Parameters
    ----------
    samples : DataFrame
        One row per sample with `well`, and `plate` and `condition` or not; see `average_samples`.
    values : sequence of str
        Columns to average; NaN do not count.

    Returns
    -------
    DataFrame
        One row per well: `plate` (empty without a name), `well`, `row`, `column` (counted from
        1), `condition` (those of its samples, joined by a comma), `n_samples`, and the means under
        the names of `values`. Wells whose name does not say where they are, are left out.
    """
    places = [locate_well(well) for well in samples["well"]]
    own = samples.assign(
        plate=samples.get("plate", ""),
        condition=samples.get("condition", ""),
        row=[place[0] if place else 0 for place in places],
        column=[place[1] if place else 0 for place in places],
    )
    groups = own[own["row"] > 0].groupby(["plate", "row", "column"])
    table = pd.DataFrame(
        {
            "well": groups["well"].first(),
            "condition": groups["condition"].agg(lambda names: ", ".join(dict.fromkeys(names))),
            "n_samples": groups.size(),
        }
    )
    table[list(values)] = groups[list(values)].mean()
    table = table.reset_index()
    front = ["plate", "well", "row", "column", "condition", "n_samples"]
    return table[[*front, *values]]

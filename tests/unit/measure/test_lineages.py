import numpy as np
import pandas as pd
import pytest
from scipy.stats import CensoredData, ecdf

from autonuclei.measure.lineages import (
    correlate_sisters,
    estimate_survival,
    pair_sisters,
    summarise_cycles,
    tabulate_cycles,
)
from autonuclei.measure.units import Units
from lineage_examples import GROWTH, MEDIAN_CYCLE, grow_lineages, make_lineage_tracks
from track_examples import make_example

FRAMES = Units()


def measure(random, n_frames=100, units=FRAMES, **options):
    tracks = make_lineage_tracks(grow_lineages(random, n_frames=n_frames, **options), random)
    return tabulate_cycles(tracks, frames=range(n_frames), units=units)


def test_how_tracks_begin_and_end():
    tracks, _, _ = make_example()
    tracks["touches_border"] = tracks["track"] == 9
    cycles = tabulate_cycles(tracks, frames=range(6), units=FRAMES).set_index("track")
    expected = {
        1: ("first_frame", "division", 0),
        2: ("division", "division", 1),
        3: ("division", "lost", 1),
        4: ("division", "last_frame", 2),
        5: ("division", "lost", 2),
        6: ("first_frame", "division", 0),
        9: ("first_frame", "at_border", 0),
        10: ("appeared", "lost", 0),
        11: ("appeared", "last_frame", 0),
    }
    for track, row in expected.items():
        assert tuple(cycles.loc[track, ["start", "end", "generation"]]) == row, track
    mother = cycles.loc[2]
    assert mother[["birth_frame", "division_frame", "duration_frames"]].tolist() == [2, 4, 2]
    assert cycles["duration_frames"].notna().sum() == 1
    assert cycles.loc[[3, 4, 5], "observed_frames"].tolist() == [1, 1, 0]
    assert cycles.loc[[1, 6, 9], "observed_frames"].isna().all()
    # Born in frame 3 with its sister, and seen from then on.
    assert cycles.loc[8, "birth_frame"] == 3
    summary = summarise_cycles(cycles.reset_index(), units=FRAMES).iloc[0]
    counted = ["n_complete", "n_until_last_frame", "n_left_at_border", "n_lost"]
    assert summary[counted].tolist() == [1, 2, 0, 3]
    assert summary[["n_from_first_frame", "n_not_seen_born"]].tolist() == [3, 2]
    assert summary["n_tracks"] == summary[[*counted, "n_from_first_frame", "n_not_seen_born"]].sum()


def test_one_daughter_is_a_track_that_was_cut():
    tracks, _, _ = make_example()
    cycles = tabulate_cycles(tracks[tracks["track"] != 3], frames=range(6), units=FRAMES)
    cycles = cycles.set_index("track")
    assert cycles.loc[1, "end"] == "lost"
    assert cycles.loc[2, ["start", "generation"]].tolist() == ["appeared", 0]
    assert cycles.loc[4, "generation"] == 1


def test_units_of_cycles():
    tracks, _, _ = make_example()
    cycles = tabulate_cycles(tracks, frames=range(6), units=Units(0.5, 10.0)).set_index("track")
    row = cycles.loc[2]
    assert row[["birth_time_min", "division_time_min", "duration_min"]].tolist() == [20, 40, 20]
    assert row["birth_area_um2"] == 0.25 * 24
    assert "area_growth_per_hour" in cycles


def test_area_and_channel_at_birth_and_growth_as_drawn():
    random = np.random.default_rng(0)
    nuclei = grow_lineages(random, n_frames=100)
    tracks = make_lineage_tracks(nuclei, random)
    # A nucleus in mitosis is small and bright.
    age = tracks.groupby("track").cumcount()
    left = tracks.groupby("track").cumcount(ascending=False)
    tracks.loc[left < 3, "area_px"] *= 0.5
    cycles = tabulate_cycles(tracks, frames=range(100), units=Units(None, 10.0), n_birth_frames=3)
    young = tracks[age < 3].groupby("track")["area_px"].mean()
    born = cycles["start"].eq("division").to_numpy()
    np.testing.assert_allclose(cycles["birth_area_px"][born], young.to_numpy()[born])
    level = nuclei["level"] * (1 + 1 / MEDIAN_CYCLE)
    long = born & (cycles["n_birth_nuclei"] == 3).to_numpy()
    np.testing.assert_allclose(cycles["birth_mean_intensity"][long], level[long])
    assert cycles.loc[~born, "birth_area_px"].isna().all()
    assert (cycles.loc[~born, "n_birth_nuclei"] == 0).all()
    complete = cycles["duration_min"] > 0
    np.testing.assert_allclose(cycles.loc[complete, "area_growth_per_hour"], 6 * GROWTH)


def test_survival_is_that_of_scipy():
    cycles = measure(np.random.default_rng(1), loss=0.005)
    born = cycles[cycles["start"] == "division"]
    complete = born["end"] == "division"
    assert 10 < complete.sum() < len(born) - 10
    seen = born["observed_frames"]
    expected = ecdf(CensoredData(uncensored=seen[complete], right=seen[~complete])).sf
    # Every nucleus a lineage of its own: the interval is Greenwood's.
    survival = estimate_survival(cycles.assign(lineage=cycles["track"]), units=FRAMES)
    at = np.searchsorted(expected.quantiles, survival["age_frames"])
    np.testing.assert_allclose(survival["share_undivided"], expected.probabilities[at])
    with pytest.warns(RuntimeWarning, match="undefined at some"):
        limits = expected.confidence_interval(method="log-log")
    for name, limit in (("low", limits.low), ("high", limits.high)):
        np.testing.assert_allclose(survival[name], limit.probabilities[at], atol=0.015)


def test_median_is_right_where_the_mean_of_complete_cycles_is_short():
    random = np.random.default_rng(4)
    rows = []
    for _ in range(60):
        cycles = measure(random, n_frames=60, n_founders=10, loss=0.003)
        rows.append(summarise_cycles(cycles, units=FRAMES).iloc[0])
    table = pd.DataFrame(rows)
    assert table["mean_complete_frames"].mean() < MEDIAN_CYCLE - 2
    assert table["median_frames"].mean() == pytest.approx(MEDIAN_CYCLE, abs=0.7)
    inside = (table["median_low_frames"].fillna(0) <= MEDIAN_CYCLE) & (
        table["median_high_frames"].fillna(np.inf) >= MEDIAN_CYCLE
    )
    assert inside.sum() >= 55


def test_what_cannot_be_estimated_is_nan():
    cycles = measure(np.random.default_rng(0), n_frames=20, n_founders=3)
    summary = summarise_cycles(cycles, units=FRAMES).iloc[0]
    assert np.isnan(summary["median_frames"])
    one = measure(np.random.default_rng(0), n_founders=1)
    summary = summarise_cycles(one, units=FRAMES).iloc[0]
    assert np.isfinite(summary["median_frames"])
    assert np.isnan(summary["median_low_frames"])
    none = cycles.iloc[:0]
    assert summarise_cycles(none, units=FRAMES).iloc[0]["n_tracks"] == 0
    assert len(estimate_survival(none, units=FRAMES)) == 0
    columns = ["duration_frames"]
    assert len(pair_sisters(none, columns)) == 0
    assert np.isnan(correlate_sisters(pair_sisters(none, columns), columns).iloc[0]["correlation"])
    tracks, _, _ = make_example()
    assert len(tabulate_cycles(tracks.iloc[:0], frames=[], units=FRAMES)) == 0


def test_sisters_side_by_side():
    tracks, _, _ = make_example()
    cycles = tabulate_cycles(tracks, frames=range(6), units=FRAMES)
    pairs = pair_sisters(cycles, ["birth_area_px", "observed_frames"])
    assert pairs[["mother", "sister_1", "sister_2"]].to_numpy().tolist() == [
        [1, 2, 3],
        [2, 4, 5],
        [6, 7, 8],
    ]
    assert pairs["observed_frames_1"].tolist() == [2, 1, 0]
    assert pairs["observed_frames_2"].tolist() == [1, 0, 2]


def test_correlation_of_sisters_does_not_ask_who_is_first():
    random = np.random.default_rng(0)
    values = random.normal(size=(50, 1)) + random.normal(size=(50, 2))
    pairs = pd.DataFrame(values, columns=["a_1", "a_2"])
    row = correlate_sisters(pairs, ["a"]).iloc[0]
    both = np.concatenate([values, values[:, ::-1]])
    assert row["correlation"] == pytest.approx(np.corrcoef(both.T)[0, 1])
    swapped = values.copy()
    swapped[::2] = swapped[::2, ::-1]
    again = correlate_sisters(pd.DataFrame(swapped, columns=["a_1", "a_2"]), ["a"]).iloc[0]
    assert again["correlation"] == pytest.approx(row["correlation"])
    few = correlate_sisters(pairs.iloc[:3], ["a"]).iloc[0]
    assert np.isfinite(few["correlation"])
    assert np.isnan(few["low"])
    equal = correlate_sisters(pairs * 0, ["a"]).iloc[0]
    assert np.isnan(equal["correlation"])


@pytest.mark.parametrize(("n", "correlation"), [(6, 0.0), (30, 0.6)])
def test_interval_of_the_correlation_holds_the_truth(n, correlation):
    random = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        values = np.sqrt(correlation) * random.normal(size=(n, 1))
        values = values + np.sqrt(1 - correlation) * random.normal(size=(n, 2))
        row = correlate_sisters(pd.DataFrame(values, columns=["a_1", "a_2"]), ["a"]).iloc[0]
        held += row["low"] <= correlation <= row["high"]
    assert 181 <= held <= 199

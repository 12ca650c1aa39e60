import numpy as np
import pandas as pd
import pytest

from autonuclei.measure.msd import (
    add_msd_interval,
    fit_exponents,
    measure_msd,
    measure_track_msd,
)
from autonuclei.measure.origins import shift_to_origin
from autonuclei.measure.units import Units

PIXELS = Units()


def draw_walks(random, *, n_tracks, n_frames, speed=0.0, step=1.0):
    """Random walks, each with a straight way of its own on top."""
    angle = random.uniform(0, 2 * np.pi, n_tracks)
    way = speed * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    steps = step * random.normal(size=(n_tracks, n_frames, 2)) + way[:, None]
    places = steps.cumsum(axis=1).reshape(-1, 2)
    return pd.DataFrame(
        {
            "track": np.repeat(np.arange(1, n_tracks + 1), n_frames),
            "lineage": 1,
            "frame": np.tile(np.arange(n_frames), n_tracks),
            "y_px": places[:, 0],
            "x_px": places[:, 1],
        }
    )


def test_msd_of_a_drawn_path():
    # Right by 3, then up by 4, then two frames missed.
    tracks = pd.DataFrame(
        {
            "track": [7, 7, 7, 7, 9, 9],
            "frame": [2, 3, 4, 7, 0, 1],
            "y_px": [0, 0, -4, -4, 1, 1.0],
            "x_px": [0, 3, 3, 3, 5, 7.0],
        }
    )
    table = measure_track_msd(tracks, units=Units(0.5, 10.0))
    assert table.to_dict("list") == {
        "track": [7, 7, 7, 7, 7, 9],
        "lag_frames": [1, 2, 3, 4, 5, 1],
        "lag_min": [10, 20, 30, 40, 50, 10],
        "msd_um2": [12.5 / 4, 25 / 4, 0, 16 / 4, 25 / 4, 1],
        "n_pairs": [2, 1, 1, 1, 1, 1],
    }
    shuffled = measure_track_msd(tracks.iloc[::-1], units=Units(0.5, 10.0))
    pd.testing.assert_frame_equal(shuffled, table)


def test_tracks_add_up_to_all_together():
    tracks = draw_walks(np.random.default_rng(0), n_tracks=8, n_frames=15)
    tracks = tracks.drop(index=[3, 20, 21, 77])
    own = measure_track_msd(tracks, units=PIXELS)
    together = measure_msd(tracks, units=PIXELS)
    own["sum"] = own["msd_px2"] * own["n_pairs"]
    sums = own.groupby("lag_frames")[["sum", "n_pairs"]].sum()
    np.testing.assert_array_equal(sums["n_pairs"], together["n_pairs"])
    np.testing.assert_allclose(sums["sum"] / sums["n_pairs"], together["msd_px2"])


@pytest.mark.parametrize(("speed", "step", "alpha"), [(0, 1, 1), (2, 0, 2), (1e-9, 1, 1)])
def test_exponent_of_random_and_straight_ways(speed, step, alpha):
    random = np.random.default_rng(1)
    tracks = draw_walks(random, n_tracks=150, n_frames=60, speed=speed, step=step)
    table = fit_exponents(measure_track_msd(tracks, units=PIXELS), units=PIXELS)
    assert len(table) == 150
    assert (table["n_lags"] == 14).all()
    assert table["alpha"].mean() == pytest.approx(alpha, abs=0.06 if step else 1e-9)


def test_short_tracks_and_resting_ones_have_no_exponent():
    random = np.random.default_rng(0)
    long = draw_walks(random, n_tracks=1, n_frames=17)
    short = draw_walks(random, n_tracks=1, n_frames=16).assign(track=2)
    resting = long.assign(track=3, x_px=0.0, y_px=0.0)
    single = short.iloc[:1].assign(track=4)
    tracks = pd.concat([long, short, resting, single])
    table = fit_exponents(measure_track_msd(tracks, units=PIXELS), units=PIXELS)
    assert table["track"].tolist() == [1, 2, 3]
    assert table["n_lags"].tolist() == [4, 3, 0]
    assert np.isfinite(table["alpha"]).tolist() == [True, False, False]
    none = measure_track_msd(tracks.iloc[:0], units=PIXELS)
    assert len(fit_exponents(none, units=PIXELS)) == 0


def test_interval_holds_the_truth():
    random = np.random.default_rng(3)
    held = []
    for _ in range(100):
        tracks = draw_walks(random, n_tracks=20, n_frames=12)
        own = measure_track_msd(tracks, units=PIXELS)
        msd = add_msd_interval(measure_msd(tracks, units=PIXELS), own, units=PIXELS)
        truth = 2 * msd["lag_frames"]
        held.append((msd["low"] <= truth) & (truth <= msd["high"]))
    share = np.mean(held, axis=0)
    assert share.min() > 0.85
    assert share.mean() > 0.9


def test_few_tracks_have_no_interval():
    random = np.random.default_rng(0)
    tracks = draw_walks(random, n_tracks=12, n_frames=8)
    tracks = tracks[(tracks["frame"] < 4) | (tracks["track"] < 5)]
    own = measure_track_msd(tracks, units=PIXELS)
    msd = add_msd_interval(measure_msd(tracks, units=PIXELS), own, units=PIXELS)
    assert msd["low"].isna().tolist() == [False] * 3 + [True] * 4
    none = tracks.iloc[:0]
    own = measure_track_msd(none, units=PIXELS)
    assert len(add_msd_interval(measure_msd(none, units=PIXELS), own, units=PIXELS)) == 0
    resting = tracks.assign(x_px=0.0, y_px=0.0)
    own = measure_track_msd(resting, units=PIXELS)
    msd = add_msd_interval(measure_msd(resting, units=PIXELS), own, units=PIXELS)
    assert msd["low"].isna().all()


def test_tracks_from_a_common_origin():
    tracks = pd.DataFrame(
        {
            "track": [2, 1, 1, 2],
            "lineage": [5, 4, 4, 5],
            "frame": [3, 2, 0, 4],
            "y_px": [1.0, 5, 3, 3],
            "x_px": [9.0, 1, 2, 9],
        }
    )
    table = shift_to_origin(tracks, units=Units(0.5, 10.0))
    assert table.to_dict("list") == {
        "track": [1, 1, 2, 2],
        "lineage": [4, 4, 5, 5],
        "frame": [0, 2, 3, 4],
        "time_since_start_min": [0, 20, 0, 10],
        "shift_x_um": [0, -0.5, 0, 0],
        "shift_y_um": [0, 1, 0, 1],
    }
    assert len(shift_to_origin(tracks.iloc[:0], units=PIXELS)) == 0

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonuclei.measure.frames import count_nuclei
from autonuclei.measure.motility import (
    mark_frames,
    measure_motility,
    subtract_drift,
    tabulate_drift,
    write_motility,
)
from autonuclei.measure.msd import measure_msd
from autonuclei.measure.steps import measure_neighbour_distance, measure_steps
from autonuclei.measure.tracks import list_divisions, summarise_tracks
from autonuclei.measure.units import Units
from track_examples import HEIGHT, N_FRAMES, WIDTH, make_example

KNOWN = Units(0.5, 10.0)
UNKNOWN = Units(None, None)


def make_tracks(paths, parents=None):
    """A track table from {track: [(frame, y, x), ...]}; lineages are not looked at."""
    rows = [
        (frame, track, (parents or {}).get(track, 0), track, track, y, x)
        for track, path in paths.items()
        for frame, y, x in path
    ]
    columns = ["frame", "track", "parent", "lineage", "label", "y_px", "x_px"]
    return pd.DataFrame(rows, columns=columns).astype({"y_px": float, "x_px": float})


# Right by 3, up by 4, left by 12 with two frames missed, then at rest.
PATH = {1: [(0, 50, 10), (1, 50, 13), (2, 46, 13), (5, 46, 1), (6, 46, 1)]}


def test_steps_of_a_drawn_path():
    steps = measure_steps(make_tracks(PATH), units=KNOWN)
    np.testing.assert_array_equal(steps["displacement_um"], [np.nan, 1.5, 2, 6, 0])
    np.testing.assert_array_equal(steps["step_frames"], [np.nan, 1, 1, 3, 1])
    np.testing.assert_allclose(steps["speed_um_per_min"], [np.nan, 0.15, 0.2, 0.2, 0], rtol=1e-12)
    np.testing.assert_array_equal(steps["direction_deg"], [np.nan, 0, 90, 180, np.nan])
    np.testing.assert_array_equal(steps["time_min"], [0, 10, 20, 50, 60])
    np.testing.assert_array_equal(steps["x_um"], [5, 6.5, 6.5, 0.5, 0.5])


def test_unknown_units_are_pixels_and_frames():
    steps = measure_steps(make_tracks(PATH), units=UNKNOWN)
    np.testing.assert_array_equal(steps["speed_px_per_frame"], [np.nan, 3, 4, 4, 0])
    assert not [column for column in steps if "um" in column or "min" in column]
    mixed = measure_steps(make_tracks(PATH), units=Units(0.5, None))
    np.testing.assert_array_equal(mixed["speed_um_per_frame"], [np.nan, 1.5, 2, 2, 0])
    mixed = measure_steps(make_tracks(PATH), units=Units(None, 10.0))
    np.testing.assert_allclose(mixed["speed_px_per_min"], [np.nan, 0.3, 0.4, 0.4, 0])


def make_drifting(n_tracks, frames=(0, 1, 2, 4)):
    """Resting nuclei but for one that runs right by 7 a frame; the stage goes (2, -1) a frame."""
    paths = {
        t: [(f, 10 * t - 1 * f, 5 * t + 2 * f + (7 * f if t == 1 else 0)) for f in frames]
        for t in range(1, n_tracks + 1)
    }
    return make_tracks(paths)


def test_drift_is_the_common_movement_of_all_nuclei():
    drift = tabulate_drift(make_drifting(11), units=KNOWN)
    assert drift["frame"].tolist() == [0, 1, 2, 4]
    assert drift["time_min"].tolist() == [0, 10, 20, 40]
    assert drift["n_tracks"].tolist() == [0, 11, 11, 11]
    np.testing.assert_array_equal(drift["step_x_um"], [np.nan, 1, 1, 2])
    np.testing.assert_array_equal(drift["step_y_um"], [np.nan, -0.5, -0.5, -1])
    assert drift["drift_x_um"].tolist() == [0, 1, 2, 4]
    assert drift["drift_y_um"].tolist() == [0, -0.5, -1, -2]


@pytest.mark.parametrize("remove", [True, False])
def test_speeds_are_with_or_without_the_drift(remove):
    tracks = make_drifting(11)
    motility = measure_motility(
        tracks,
        frames=[0, 1, 2, 4],
        image_shape=(200, 200),
        pixel_size_um=0.5,
        frame_interval_min=10.0,
        remove_drift=remove,
    )
    assert motility.drift_removed == remove
    own = motility.tracks.set_index("track")
    resting, running = own.loc[2], own.loc[1]
    if remove:
        assert resting["total_displacement_um"] == 0
        assert running["mean_speed_um_per_min"] == pytest.approx(0.35)
        assert running["direction_deg"] == 0
        # One of eleven runs; the others rest.
        assert motility.msd.set_index("lag_frames").loc[1, "msd_um2"] == pytest.approx(3.5**2 / 11)
    else:
        assert resting["mean_speed_um_per_min"] == pytest.approx(0.05 * np.sqrt(5))
        assert running["mean_speed_um_per_min"] == pytest.approx(0.05 * np.hypot(9, 1))
    # Places are those in the images.
    assert motility.steps["x_um"].tolist() == (0.5 * tracks["x_px"]).tolist()
    assert motility.steps["y_um"].tolist() == (0.5 * tracks["y_px"]).tolist()
    assert motility.drift["drift_x_um"].tolist() == [0, 1, 2, 4]


def test_a_few_nuclei_tell_no_drift():
    tracks = make_drifting(9)
    drift = tabulate_drift(tracks, units=UNKNOWN)
    assert drift["step_x_px"].isna().all()
    pd.testing.assert_frame_equal(subtract_drift(tracks, drift, units=UNKNOWN), tracks)


def test_order_of_rows_is_kept():
    tracks = make_tracks(PATH | {2: [(0, 0, 0), (1, 0, 5)]})
    shuffled = tracks.sample(frac=1, random_state=3)
    steps = measure_steps(shuffled, units=UNKNOWN)
    straight = measure_steps(tracks, units=UNKNOWN).iloc[shuffled.index].reset_index(drop=True)
    pd.testing.assert_frame_equal(steps, straight)


def test_summary_of_a_drawn_path():
    summary = summarise_tracks(measure_steps(make_tracks(PATH), units=KNOWN), units=KNOWN)
    row = summary.iloc[0]
    assert (row["n_nuclei"], row["n_missed_frames"]) == (5, 2)
    assert row["duration_min"] == 60
    assert row["total_displacement_um"] == 9.5
    assert row["net_displacement_um"] == pytest.approx(0.5 * np.hypot(9, 4))
    assert row["straightness"] == pytest.approx(0.5 * np.hypot(9, 4) / 9.5)
    assert row["mean_speed_um_per_min"] == pytest.approx(9.5 / 60)
    assert row["max_speed_um_per_min"] == pytest.approx(0.2)
    assert row["direction_deg"] == pytest.approx(180 - np.degrees(np.arctan2(4, 9)))


def test_single_nucleus_and_resting_track_are_undefined():
    tracks = make_tracks({1: [(3, 5, 5)], 2: [(0, 1, 1), (1, 1, 1)]})
    summary = summarise_tracks(measure_steps(tracks, units=KNOWN), units=KNOWN).set_index("track")
    undefined = ["net_displacement_um", "total_displacement_um", "straightness"]
    undefined += ["mean_speed_um_per_min", "max_speed_um_per_min", "direction_deg"]
    assert summary.loc[1, undefined].isna().all()
    assert summary.loc[2, "net_displacement_um"] == 0
    assert summary.loc[2, "mean_speed_um_per_min"] == 0
    assert summary.loc[2, ["straightness", "direction_deg"]].isna().all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=12))
def test_straightness_lies_between_0_and_1(places):
    tracks = make_tracks({1: [(f, y, x) for f, (y, x) in enumerate(places)]})
    steps = measure_steps(tracks, units=UNKNOWN)
    straightness = summarise_tracks(steps, units=UNKNOWN)["straightness"].iloc[0]
    if len(set(places)) == 1:
        assert np.isnan(straightness)
    else:
        assert 0 <= straightness <= 1 + 1e-12
    direction = steps["direction_deg"].dropna()
    assert ((direction >= 0) & (direction < 360)).all()


def test_daughters_do_not_step_from_their_mother():
    tracks = make_tracks(
        {1: [(0, 10, 10), (1, 10, 12)], 2: [(2, 5, 12), (3, 5, 13)], 3: [(2, 15, 12)]},
        parents={2: 1, 3: 1},
    )
    steps = measure_steps(tracks, units=UNKNOWN)
    assert steps["displacement_px"].notna().tolist() == [False, True, False, True, False]


def test_displacement_of_a_straight_path_grows_with_the_square():
    tracks = make_tracks({1: [(f, 0, 2 * f) for f in range(5)]})
    msd = measure_msd(tracks, units=KNOWN)
    assert msd["lag_frames"].tolist() == [1, 2, 3, 4]
    assert msd["lag_min"].tolist() == [10, 20, 30, 40]
    assert msd["msd_um2"].tolist() == [1, 4, 9, 16]
    assert msd["n_pairs"].tolist() == [4, 3, 2, 1]
    assert msd["n_tracks"].tolist() == [1, 1, 1, 1]


def test_displacement_with_gaps_and_two_tracks():
    tracks = make_tracks({7: [(0, 0, 0), (2, 0, 4)], 3: [(4, 0, 0), (5, 0, 1), (6, 3, 1)]})
    msd = measure_msd(tracks, units=UNKNOWN).set_index("lag_frames")
    assert msd.index.tolist() == [1, 2]
    assert msd.loc[1, ["msd_px2", "n_pairs", "n_tracks"]].tolist() == [5, 2, 1]
    assert msd.loc[2, ["msd_px2", "n_pairs", "n_tracks"]].tolist() == [(16 + 10) / 2, 2, 2]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_displacement_agrees_with_a_plain_loop(seed):
    random = np.random.default_rng(seed)
    paths = {}
    for track in range(1, 5):
        frames = np.sort(random.choice(8, size=random.integers(1, 7), replace=False))
        paths[track] = [(int(f), *random.integers(0, 20, 2).tolist()) for f in frames]
    squares = {}
    for path in paths.values():
        for i, (f, y, x) in enumerate(path):
            for g, v, u in path[i + 1 :]:
                squares.setdefault(g - f, []).append((v - y) ** 2 + (u - x) ** 2)
    msd = measure_msd(make_tracks(paths), units=UNKNOWN)
    assert msd["lag_frames"].tolist() == sorted(squares)
    for row in msd.itertuples():
        assert row.n_pairs == len(squares[row.lag_frames])
        assert row.msd_px2 == pytest.approx(np.mean(squares[row.lag_frames]))


@pytest.mark.parametrize(
    ("second", "orientation"),
    [((10, 20), 0), ((0, 10), 90), ((0, 20), 45), ((20, 20), 135), ((10, 0), 0), ((20, 10), 90)],
)
def test_orientation_of_a_division(second, orientation):
    tracks = make_tracks(
        {1: [(0, 10, 10)], 2: [(1, 10, 10)], 3: [(1, *second)]}, parents={2: 1, 3: 1}
    )
    division = list_divisions(tracks, units=KNOWN).iloc[0]
    assert division["orientation_deg"] == orientation
    assert division["daughter_distance_um"] == pytest.approx(
        0.5 * np.hypot(second[0] - 10, second[1] - 10)
    )
    assert (division["mother"], division["frame"], division["time_min"]) == (1, 1, 10)
    assert (division["x_um"], division["y_um"]) == (5, 5)


def test_orientation_is_taken_where_both_daughters_are():
    paths = {1: [(0, 0, 0)], 2: [(1, 0, 0), (2, 0, 0)], 3: [(2, 0, 8)]}
    division = list_divisions(make_tracks(paths, parents={2: 1, 3: 1}), units=UNKNOWN).iloc[0]
    assert (division["frame"], division["daughter_distance_px"]) == (1, 8)
    paths = {1: [(0, 0, 0)], 2: [(1, 0, 0)], 3: [(2, 0, 8)]}
    division = list_divisions(make_tracks(paths, parents={2: 1, 3: 1}), units=UNKNOWN).iloc[0]
    assert np.isnan(division["orientation_deg"])


def test_three_daughters_and_single_daughters():
    paths = {1: [(0, 0, 0)], **{t: [(1, 0, t)] for t in (2, 3, 4)}, 5: [(0, 9, 9)], 6: [(1, 9, 9)]}
    parents = {2: 1, 3: 1, 4: 1, 6: 5}
    divisions = list_divisions(make_tracks(paths, parents), units=UNKNOWN)
    assert divisions["mother"].tolist() == [1]
    assert divisions["n_daughters"].tolist() == [3]
    assert divisions["orientation_deg"].isna().all()


def test_neighbours():
    tracks = make_tracks({1: [(0, 0, 0), (1, 0, 0)], 2: [(0, 3, 4)], 3: [(0, 3, 5)]})
    np.testing.assert_array_equal(measure_neighbour_distance(tracks), [5, np.nan, 1, 1])


def test_counts_of_the_example():
    tracks, _, _ = make_example()
    steps = measure_steps(tracks, units=KNOWN)
    divisions = list_divisions(tracks, units=KNOWN)
    counts = count_nuclei(
        steps, divisions, frames=range(N_FRAMES), image_shape=(HEIGHT, WIDTH), units=KNOWN
    )
    assert counts["n_nuclei"].tolist() == [3, 3, 4, 5, 2, 3]
    assert counts["n_tracks"].tolist() == [3, 4, 4, 5, 3, 3]
    assert counts["n_mitoses"].tolist() == [0, 0, 1, 1, 1, 0]
    area_mm2 = HEIGHT * WIDTH * 0.25 / 1e6
    np.testing.assert_allclose(counts["nuclei_per_mm2"], counts["n_nuclei"] / area_mm2)
    np.testing.assert_allclose(
        counts["mitoses_per_nucleus_and_hour"],
        [np.nan, 0, 1 / (3 / 6), 1 / (4 / 6), 1 / (5 / 6), 0],
    )


def test_frame_missing_from_the_sequence_is_not_an_empty_one():
    tracks = make_tracks(
        {1: [(0, 0, 0), (1, 0, 0)], 2: [(3, 0, 0)], 3: [(3, 9, 9)]}, parents={2: 1, 3: 1}
    )
    counts = count_nuclei(
        measure_steps(tracks, units=UNKNOWN),
        list_divisions(tracks, units=UNKNOWN),
        frames=[0, 1, 3, 4],
        image_shape=(1000, 1000),
        units=UNKNOWN,
    )
    assert counts["frame"].tolist() == [0, 1, 3, 4]
    assert counts["nuclei_per_megapixel"].tolist() == [1, 1, 2, 0]
    np.testing.assert_array_equal(
        counts["mitoses_per_nucleus_and_frame"], [np.nan, 0, 1 / (1 * 2), 0]
    )


def test_rate_after_an_empty_frame_is_undefined():
    tracks = make_tracks({1: [(0, 0, 0)], 2: [(2, 0, 0)]})
    counts = count_nuclei(
        measure_steps(tracks, units=KNOWN),
        list_divisions(tracks, units=KNOWN),
        frames=range(3),
        image_shape=(10, 10),
        units=KNOWN,
    )
    np.testing.assert_array_equal(counts["mitoses_per_nucleus_and_hour"], [np.nan, 0, np.nan])


@pytest.mark.parametrize("n_rows", [None, 0, 1])
def test_all_tables_are_written(tmp_path, n_rows):
    tracks, _, _ = make_example()
    motility = measure_motility(
        tracks.iloc[:n_rows],
        frames=range(N_FRAMES),
        image_shape=(HEIGHT, WIDTH),
        pixel_size_um=0.5,
        frame_interval_min=None,
    )
    paths = write_motility(tmp_path, motility)
    assert [path.name for path in paths] == [
        "steps.csv",
        "tracks.csv",
        "frames.csv",
        "divisions.csv",
        "msd.csv",
        "track_msd.csv",
        "origins.csv",
        "drift.csv",
    ]
    for path in paths:
        table = getattr(motility, path.stem)
        back = pd.read_csv(path)
        assert back.columns.tolist() == table.columns.tolist()
        pd.testing.assert_frame_equal(back, table, check_dtype=False)
    assert len(motility.frames) == N_FRAMES
    assert "nearest_neighbour_um" in motility.steps
    columns = {"well": "B02", "condition": ""}
    for path in write_motility(tmp_path, motility, columns=columns):
        own = getattr(motility, path.stem)
        back = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert back.columns.tolist() == [*own.columns, "well", "condition"]
        assert set(back["well"]) == ({"B02"} if len(own) else set())
        assert set(back["condition"]) == ({""} if len(own) else set())


def test_steps_and_frames_say_which_to_leave_out():
    """A step is as bad as the worse of its two frames, also over a gap."""
    motility = measure_motility(
        make_tracks({1: [(f, f, 0) for f in (0, 1, 2, 4)], 2: [(2, 9, 9)]}),
        frames=[0, 1, 2, 3, 4],
        image_shape=(20, 20),
        pixel_size_um=None,
        frame_interval_min=None,
    )
    quality = {0: "good", 1: "good", 2: "unsuitable", 3: "look", 4: "good"}
    marked = mark_frames(motility, quality)
    assert marked.frames["quality"].tolist() == list(quality.values())
    assert marked.steps["quality"].tolist() == [
        "good", "good", "unsuitable", "unsuitable", "unsuitable"
    ]  # fmt: skip
    assert marked.steps["step_frames"].tolist()[3] == 2

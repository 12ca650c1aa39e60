"""Traces: times from birth and to division, order, averages; and the whole way from images."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from autonuclei.example.drawn_movies import DrawnMovie, draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.labels.channels import measure_channels
from autonuclei.labels.measurement import measure_objects
from autonuclei.measure.lineages import tabulate_cycles
from autonuclei.measure.traces import TRACE_VALUES, average_traces, tabulate_traces
from autonuclei.measure.units import Units

UNITS = Units(0.5, 10.0)

# A mother seen from the start, two daughters of which one divides, its daughters; a stranger.
PATHS = {
    1: (0, range(3)), 2: (1, range(3, 6)), 3: (1, [3, 5, 6, 7]),
    4: (2, range(6, 8)), 5: (2, [7]), 6: (0, range(2, 8)),
}  # fmt: skip


def make_tracks() -> pd.DataFrame:
    rows = [
        (frame, 10 * track + frame, track, parent, 1 if track < 6 else 6)
        for track, (parent, frames) in PATHS.items()
        for frame in frames
    ]
    tracks = pd.DataFrame(rows, columns=["frame", "label", "track", "parent", "lineage"])
    tracks["area_px"], tracks["touches_border"], tracks["mean_intensity"] = 100, False, 7.0
    for number, channel in enumerate(("a", "b")):
        for value in TRACE_VALUES:
            tracks[f"{channel}_{value}"] = tracks["label"] + 1000 * number
    tracks["a_ring_ratio"] = np.where(tracks["track"] == 3, np.nan, 2.0)
    return tracks.sample(frac=1, random_state=0)


def make_traces(channels: tuple[str, ...] = ("b", "a"), units: Units = UNITS) -> pd.DataFrame:
    tracks = make_tracks()
    cycles = tabulate_cycles(tracks, frames=range(8), units=units)
    return tabulate_traces(tracks, cycles, channels=channels, units=units)


def test_times_from_birth_and_to_division() -> None:
    traces = make_traces()
    one = traces[traces["channel"] == "a"].set_index("track")
    assert one.loc[2, "since_birth_min"].tolist() == [0, 10, 20]
    assert one.loc[2, "to_division_min"].tolist() == [30, 20, 10]
    np.testing.assert_allclose(one.loc[2, "phase"], [0, 1 / 3, 2 / 3])
    assert one.loc[1, "to_division_min"].tolist() == [30, 20, 10]
    assert one.loc[1, ["since_birth_min", "phase"]].isna().all(axis=None)
    assert one.loc[3, "since_birth_min"].tolist() == [0, 20, 30, 40]
    assert one.loc[3, "to_division_min"].isna().all()
    # The division is the first frame with a daughter, also for the one that is seen later.
    assert one.loc[5, "since_birth_min"] == 10
    assert one.loc[6, ["since_birth_min", "to_division_min"]].isna().all(axis=None)
    assert one.loc[[1, 2, 4, 6], "generation"].drop_duplicates().tolist() == [0, 1, 2]
    assert one.loc[2, "time_min"].tolist() == [30, 40, 50]


def test_every_nucleus_has_a_row_per_channel_in_order() -> None:
    traces = make_traces()
    assert len(traces) == 2 * len(make_tracks())
    place = traces["channel"].map({"b": 0, "a": 1})
    keys = list(zip(traces["track"], place, traces["frame"], strict=True))
    assert keys == sorted(keys)
    assert (traces.loc[traces["channel"] == "b", "mean"] > 1000).all()
    np.testing.assert_array_equal(traces["mean"] % 1000, traces["label"])
    assert (
        traces.loc[(traces["track"] == 3) & (traces["channel"] == "a"), "ring_ratio"].isna().all()
    )


def test_unknown_interval_is_frames_and_no_channel_no_row() -> None:
    traces = make_traces(units=Units())
    assert traces.loc[traces["track"] == 2, "since_birth_frames"].tolist() == [0, 1, 2] * 2
    assert list(make_traces(channels=(), units=Units())) == list(traces)
    assert len(make_traces(channels=())) == 0


def test_averages_of_aligned_traces() -> None:
    traces = make_traces(("a",))
    table = average_traces(traces, time="since_birth_min", value="mean").set_index(
        "since_birth_min"
    )
    # Born at frame 3: labels 23 and 33; at frame 6: 46.
    assert table["n_nuclei"].tolist() == [3, 3, 2, 1, 1]
    assert table.loc[0, ["mean", "median", "p25", "p75"]].tolist() == [34, 33, 28, 39.5]
    ratios = average_traces(traces, time="since_birth_min", value="ring_ratio")
    assert ratios["n_nuclei"].tolist() == [2, 3, 1]
    both = pd.concat([traces.assign(condition=name) for name in ("x", "y")])
    split = average_traces(both, time="to_division_min", value="mean", by=["condition"])
    assert list(split)[:3] == ["condition", "channel", "to_division_min"]
    assert split["n_nuclei"].tolist() == [2, 2, 2] * 2
    assert len(average_traces(traces.iloc[:0], time="phase", value="mean")) == 0


SETTINGS = MovieSettings(
    reporters=True, frames=40, nuclei=16, cycle_min=110, mitosis_min=15, recovery_min=15,
    background=100, background_unevenness=0.1,
)  # fmt: skip


@cache
def draw() -> DrawnMovie:
    return draw_movie(SETTINGS, 4)


@cache
def measure() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Traces of a drawn movie from its true masks and tracks, and the truth beside them."""
    movie = draw()
    units = Units(SETTINGS.pixel_size_um, SETTINGS.interval_min)
    parts = []
    for frame, labels in enumerate(movie.labels):
        planes = {name: images[frame] for name, images in movie.reporters.items()}
        objects = measure_objects(labels, movie.images[frame], frame=frame)
        channels = measure_channels(labels, planes, frame=frame, gap_px=3)
        parts.append(objects.merge(channels, on=["frame", "label"], validate="1:1"))
    tracks = pd.concat(parts, ignore_index=True)
    tracks["track"] = tracks["label"]
    parents = movie.tracks.set_index("label")["parent"]
    tracks["parent"] = tracks["label"].map(parents)
    tracks["lineage"] = 1
    cycles = tabulate_cycles(tracks, frames=range(SETTINGS.frames), units=units)
    traces = tabulate_traces(tracks, cycles, channels=list(movie.reporters), units=units)
    assert movie.truth is not None
    whole = tracks.loc[~tracks["touches_border"], ["frame", "label"]]
    joined = traces.merge(movie.truth, on=["frame", "label"], validate="m:1").merge(whole)
    return traces, joined


@pytest.mark.parametrize("name", ["cycle", "shuttle"])
def test_traces_are_what_was_drawn(name: str) -> None:
    _, joined = measure()
    own = joined[joined["channel"] == name]
    drawn = own[name], own[f"{name}_ring"], own[name] / own[f"{name}_ring"]
    for column, truth in zip(("core_mean", "ring_mean", "ring_ratio"), drawn, strict=True):
        # Where the ring is weakest, camera noise alone is more than 3 %.
        error = (own[column] / truth - 1)[own[f"{name}_ring"] > 150]
        assert len(error) > 300
        assert abs(error.median()) < 0.02, column
        assert error.abs().median() < 0.03, column


def test_shuttle_enters_when_it_was_drawn_to() -> None:
    _, joined = measure()
    own = joined[joined["channel"] == "shuttle"].set_index("time_min")
    errors = []
    for _, trace in own.groupby("track"):
        inside = trace["core_mean"] / (trace["core_mean"] + trace["ring_mean"])
        if inside.iloc[0] < 0.3 and inside.iloc[-1] > 0.7 and inside.notna().all():
            rises = np.flatnonzero((inside.to_numpy()[:-1] < 0.5) & (inside.to_numpy()[1:] >= 0.5))
            before, after = inside.index[rises[0]], inside.index[rises[0] + 1]
            part = (0.5 - inside[before]) / (inside[after] - inside[before])
            time = before + part * (after - before)
            errors.append(time - trace["shuttle_min"].iloc[0])
    assert len(errors) >= 3
    assert np.abs(errors).max() < SETTINGS.interval_min / 2


def test_cycle_reporter_rises_from_birth_and_drops_at_division() -> None:
    traces, _ = measure()
    own = traces[traces["channel"] == "cycle"]
    born = average_traces(own, time="since_birth_min", value="core_mean")
    late = average_traces(own, time="to_division_min", value="core_mean")
    old = born[born["since_birth_min"].between(60, 80)]["median"].mean()
    assert old > 3 * born.loc[0, "median"]
    assert late.loc[late["to_division_min"].idxmin(), "median"] > 5 * born.loc[0, "median"]

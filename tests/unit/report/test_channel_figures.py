"""Figures of the channels: what they say of values, and that they are written for poor input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from autonuclei.measure.lineages import tabulate_cycles
from autonuclei.measure.traces import tabulate_traces
from autonuclei.measure.units import Units
from autonuclei.report.channel_figures import MAX_TRACES, draw_aligned, draw_levels, draw_traces
from autonuclei.report.style import save_figure
from lineage_examples import grow_lineages, make_lineage_tracks

CHANNELS = ["GFP", "RFP"]


def make_traces(n_frames: int, units: Units, n_founders: int = 8) -> pd.DataFrame:
    random = np.random.default_rng(1)
    drawn = grow_lineages(random, n_founders=n_founders, n_frames=n_frames)
    tracks = make_lineage_tracks(drawn, random)
    for channel in CHANNELS:
        for value in ("mean", "median", "total", "core_mean", "ring_mean"):
            tracks[f"{channel}_{value}"] = tracks["frame"] + 3.0
        tracks[f"{channel}_ring_ratio"] = 2.0
    cycles = tabulate_cycles(tracks, frames=range(n_frames), units=units)
    return tabulate_traces(tracks, cycles, channels=CHANNELS, units=units)


def read_labels(figure: Figure) -> str:
    labels = []
    for axes in figure.axes:
        labels += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title()]
        labels += [text.get_text() for text in axes.texts]
    return " | ".join(label.replace("\n", " ") for label in labels)


def make_levels(n: int = 50) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "GFP_core_mean": [*random.normal(40, 2, n - 1), np.nan],
            "GFP_ring_mean": random.normal(20, 2, n),
            "GFP_ring_ratio": random.normal(2, 0.1, n),
            "RFP_core_mean": 3.0,
            "RFP_ring_mean": 0.0,
            "RFP_ring_ratio": np.nan,
        }
    )


def test_levels_say_how_many_nuclei_they_rest_on() -> None:
    text = read_labels(draw_levels(make_levels(), CHANNELS))
    assert "GFP: 49 of 50 nuclei" in text
    assert "RFP: 50 of 50 nuclei" in text
    assert "no ring is clearly above the background" in text
    assert "No nuclei" in read_labels(draw_levels(make_levels().iloc[:0], CHANNELS))


@pytest.mark.parametrize(
    ("units", "unit"), [(Units(0.5, 20.0), "h"), (Units(0.5, 0.5), "min"), (Units(), "frames")]
)
def test_traces_have_units_and_channels(units: Units, unit: str) -> None:
    traces = make_traces(100, units)
    text = read_labels(draw_traces(traces, CHANNELS, units=units))
    assert f"Time ({unit})" in text
    assert "RFP nucleus over ring" in text
    aligned = draw_aligned(traces, CHANNELS, units=units)
    assert f"Time since birth ({unit})" in read_labels(aligned)
    # Runs up to the division, which is at 0 and no longer of the track.
    low, high = aligned.axes[1].get_xlim()
    assert low < high < 0


def test_many_traces_are_drawn_in_part() -> None:
    traces = make_traces(100, Units(), n_founders=40)
    figure = draw_traces(traces, CHANNELS, units=Units())
    n = traces["track"].nunique()
    assert n > MAX_TRACES
    assert f"{n} tracks ({MAX_TRACES} drawn)" in read_labels(figure)
    assert len(figure.axes[0].collections[0].get_paths()) == MAX_TRACES


@pytest.mark.parametrize("n_frames", [100, 3, 1])
def test_figures_are_written_also_for_poor_input(tmp_path: Path, n_frames: int) -> None:
    traces = make_traces(n_frames, Units(0.5, 20.0), n_founders=2)
    figures = {
        "levels": draw_levels(make_levels(3), CHANNELS),
        "traces": draw_traces(traces, CHANNELS, units=Units(0.5, 20.0)),
        "aligned": draw_aligned(traces, CHANNELS, units=Units(0.5, 20.0)),
        "none": draw_traces(traces.iloc[:0], CHANNELS, units=Units()),
    }
    for name, figure in figures.items():
        save_figure(figure, [tmp_path / f"{name}.png"])
        assert imread(tmp_path / f"{name}.png")[..., :3].std() > 0.01, "not blank"
    if n_frames == 1:
        assert "No division was found" in read_labels(figures["aligned"])

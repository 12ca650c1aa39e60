import numpy as np
import pandas as pd
import pytest

from autonuclei.measure.lineages import pair_sisters, tabulate_cycles
from autonuclei.measure.msd import (
    add_msd_interval,
    fit_exponents,
    measure_msd,
    measure_track_msd,
)
from autonuclei.measure.origins import shift_to_origin
from autonuclei.measure.units import Units
from autonuclei.report.lineage_figures import (
    MAX_WAYS,
    draw_cycles,
    draw_lineages,
    draw_origins,
    draw_sisters,
    draw_spread,
)
from autonuclei.report.style import save_figure
from lineage_examples import grow_lineages, make_lineage_tracks

KNOWN, UNKNOWN = Units(0.5, 20.0), Units()
N_FRAMES = 100


def make(units=KNOWN, n_frames=N_FRAMES, **options):
    random = np.random.default_rng(0)
    options = {"n_founders": 5, "loss": 0.004} | options
    tracks = make_lineage_tracks(grow_lineages(random, n_frames=n_frames, **options), random)
    return tracks, tabulate_cycles(tracks, frames=range(n_frames), units=units)


def draw_all(tracks, cycles, units):
    columns = [f"duration_{units.time}", "birth_mean_intensity"]
    own = measure_track_msd(tracks, units=units)
    msd = add_msd_interval(measure_msd(tracks, units=units), own, units=units)
    return {
        "generations": draw_lineages(cycles, units=units),
        "channel": draw_lineages(cycles, units=units, tracks=tracks, channel="mean_intensity"),
        "cycles": draw_cycles(cycles, units=units),
        "sisters": draw_sisters(pair_sisters(cycles, columns), columns, units=units),
        "origins": draw_origins(shift_to_origin(tracks, units=units), units=units),
        "spread": draw_spread(
            msd,
            fit_exponents(own, units=units).rename(columns={"alpha": "msd_exponent"}),
            units=units,
        ),
    }


def read_labels(figure):
    labels = []
    for axes in figure.axes:
        labels += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title()]
        labels += [text.get_text() for text in axes.texts]
        if axes.get_legend():
            labels += [text.get_text() for text in axes.get_legend().get_texts()]
    return " | ".join(label.replace("\n", " ") for label in labels)


def test_trees_have_a_line_for_every_nucleus():
    tracks, cycles = make()
    axes = draw_lineages(cycles, units=KNOWN, n_lineages=3).axes[0]
    sizes = cycles.groupby("lineage").size().sort_values()
    bars, lines = axes.collections[:2]
    assert len(lines.get_segments()) == sizes.iloc[-3:].sum()
    divisions = cycles["lineage"].isin(sizes.index[-3:]) & (cycles["end"] == "division")
    assert len(bars.get_segments()) == divisions.sum()
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "time runs down"
    figure = draw_lineages(cycles, units=KNOWN, tracks=tracks, channel="mean_intensity")
    pieces = figure.axes[0].collections[2]
    # Trees of one track are not drawn.
    shown = sizes.index[sizes > 1]
    values = tracks.loc[tracks["lineage"].isin(shown), "mean_intensity"]
    np.testing.assert_array_equal(np.sort(pieces.get_array()), np.sort(values))


def test_too_many_lines_are_not_squeezed_in():
    _, cycles = make(n_founders=12, n_frames=200)
    labels = read_labels(draw_lineages(cycles, units=KNOWN, n_lineages=12))
    assert "of 12 lineages" in labels
    assert "12 largest" not in labels


def test_cycles_tell_complete_from_unfinished():
    _, cycles = make()
    labels = read_labels(draw_cycles(cycles, units=KNOWN))
    born = cycles[cycles["start"] == "division"]
    n_complete = (born["end"] == "division").sum()
    assert f"complete: birth to division ({n_complete})" in labels
    assert f"unfinished: birth to last seen ({len(born) - n_complete})" in labels
    assert f"{(born['end'] == 'lost').sum()} lost" in labels
    assert "Median 1" in labels
    assert "Time since birth (h)" in labels
    _, young = make(n_frames=30, loss=0)
    assert "the median is not known" in read_labels(draw_cycles(young, units=KNOWN))
    _, single = make(n_founders=1, n_frames=160)
    assert "no interval: 1 lineage" in read_labels(draw_cycles(single, units=KNOWN))


def test_sisters_have_their_correlation():
    _, cycles = make()
    columns = ["birth_area_um2", "duration_min"]
    figure = draw_sisters(pair_sisters(cycles, columns), columns, units=KNOWN)
    labels = read_labels(figure)
    assert "Area at birth (µm²)" in labels
    assert "Cycle duration (h)" in labels
    assert labels.count("r = ") == 2
    for axes in figure.axes:
        assert axes.get_xlim() == axes.get_ylim()
    nothing = pair_sisters(cycles, columns).assign(duration_min_1=np.nan)
    labels = read_labels(draw_sisters(nothing, columns, units=KNOWN))
    assert "no pair with both values" in labels


def test_tracks_begin_in_the_middle():
    tracks = pd.DataFrame(
        {
            "track": np.repeat(np.arange(MAX_WAYS + 5), 2),
            "lineage": 1,
            "frame": np.tile([0, 1], MAX_WAYS + 5),
            "x_px": np.tile([10.0, 14.0], MAX_WAYS + 5),
            "y_px": np.tile([5.0, 8.0], MAX_WAYS + 5),
        }
    )
    figure = draw_origins(shift_to_origin(tracks, units=UNKNOWN), units=UNKNOWN)
    ways = figure.axes[0].collections[0].get_segments()
    assert len(ways) == MAX_WAYS
    np.testing.assert_array_equal(ways[0], [[0, 0], [4, 3]])
    labels = read_labels(figure)
    assert f"{MAX_WAYS + 5} tracks from a common origin ({MAX_WAYS} of them drawn)" in labels
    assert "mean end 5 px" in labels
    assert figure.axes[0].get_ylim()[0] > 0, "down the image is down"


@pytest.mark.parametrize("units", [KNOWN, UNKNOWN])
def test_units_are_on_the_axes(units):
    tracks, cycles = make(units=units)
    labels = " ".join(read_labels(figure) for figure in draw_all(tracks, cycles, units).values())
    expected = (
        ["Time (h)", "(µm²)"] if units is KNOWN else ["Time (frames)", "(px²)", "lag (frames)"]
    )
    for text in expected:
        assert text in labels
    assert ("µm" in labels) == (units is KNOWN)


@pytest.mark.parametrize("n_rows", [0, 1, 3])
def test_poor_input_is_told(n_rows):
    tracks, _ = make()
    tracks = tracks.iloc[:n_rows]
    cycles = tabulate_cycles(tracks, frames=range(N_FRAMES), units=KNOWN)
    for name, figure in draw_all(tracks, cycles, KNOWN).items():
        assert len(figure.axes) >= 1
        if name in ("generations", "cycles", "sisters"):
            assert "No " in read_labels(figure), name


def test_figures_are_written_the_same_twice(tmp_path):
    tracks, cycles = make()
    for name, figure in draw_all(tracks, cycles, KNOWN).items():
        save_figure(figure, [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"])
    for name, figure in draw_all(tracks, cycles, KNOWN).items():
        save_figure(figure, [tmp_path / "again.svg"])
        assert (tmp_path / "again.svg").read_bytes() == (tmp_path / f"{name}.svg").read_bytes()

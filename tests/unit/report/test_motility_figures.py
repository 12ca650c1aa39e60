import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from autonuclei.measure.motility import measure_motility
from autonuclei.report.motility_figures import (
    draw_density,
    draw_directions,
    draw_motility,
    draw_speeds,
    draw_track_lengths,
    draw_tracks,
)
from track_examples import HEIGHT, N_FRAMES, WIDTH, make_example

NAMES = [
    "tracks", "directions", "density_and_mitoses", "msd", "origins", "track_lengths", "speeds",
    "drift",
]  # fmt: skip


def measure(n_rows=None, pixel_size=0.5, interval=10.0, n_frames=N_FRAMES):
    tracks, _, raw = make_example()
    tracks = tracks[tracks["frame"] < n_frames].reset_index(drop=True)
    motility = measure_motility(
        tracks.iloc[:n_rows],
        frames=range(n_frames),
        image_shape=(HEIGHT, WIDTH),
        pixel_size_um=pixel_size,
        frame_interval_min=interval,
    )
    return motility, raw[-1]


def read_labels(figure):
    """The labels of the axes, and all that is written in the figure."""
    labels = []
    for axes in figure.axes:
        labels += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title()]
        labels += [text.get_text() for text in axes.texts]
    return [label.replace("\n", " ") for label in labels if label]


@pytest.mark.parametrize(
    ("pixel_size", "interval", "expected"),
    [
        (
            0.5,
            10.0,
            ["x (µm)", "Speed (µm/min)", "(nuclei/mm²)", "and h)", "(h)"],
        ),
        (
            None,
            None,
            ["x (px)", "Speed (px/frame)", "million px", "and frame)"],
        ),
        (0.5, None, ["x (µm)", "Speed (µm/frame)", "(nuclei/mm²)"]),
    ],
)
def test_units_are_on_the_axes(pixel_size, interval, expected):
    motility, image = measure(pixel_size=pixel_size, interval=interval)
    labels = read_labels(draw_tracks(motility, image))
    for draw in (draw_density, draw_speeds):
        labels += read_labels(draw(motility))
    figure = draw_track_lengths(motility)
    labels += read_labels(figure)
    labels += [child.get_xlabel() for child in figure.axes[0].child_axes]
    for text in expected:
        assert any(text in label for label in labels), (text, labels)
    if pixel_size is None:
        assert not any("µm" in label or "mm²" in label for label in labels)


def test_every_step_is_drawn_in_the_colour_of_its_speed():
    motility, image = measure()
    figure = draw_tracks(motility, image)
    lines = figure.axes[0].collections[0]
    speeds = motility.steps["speed_um_per_min"].dropna()
    assert len(lines.get_segments()) == len(speeds)
    np.testing.assert_array_equal(np.sort(lines.get_array()), np.sort(speeds))
    for segment, speed in zip(lines.get_segments(), lines.get_array(), strict=True):
        row = motility.steps[
            (motility.steps["x_um"] == segment[1, 0]) & (motility.steps["y_um"] == segment[1, 1])
        ].iloc[0]
        assert row["speed_um_per_min"] == speed
        length = np.hypot(*(segment[1] - segment[0]))
        assert length == pytest.approx(row["displacement_um"])


def test_polar_histogram_counts_steps():
    steps = pd.DataFrame({"direction_deg": [359.0, 1.0, 90.0, 181.0, np.nan]})
    axes = draw_directions(replace(measure()[0], steps=steps)).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    assert (heights[0], heights[6], heights[12]) == (50, 25, 25)
    assert sum(heights) == pytest.approx(100)


@pytest.mark.parametrize(
    ("n_rows", "n_frames"), [(None, N_FRAMES), (0, N_FRAMES), (1, N_FRAMES), (None, 1)]
)
def test_all_figures_are_written_also_for_poor_input(tmp_path, n_rows, n_frames):
    motility, image = measure(n_rows=n_rows, n_frames=n_frames)
    paths = draw_motility(tmp_path, motility, image=image)
    assert [path.name for path in paths] == [f"{n}.{s}" for n in NAMES for s in ("svg", "png")]
    for path in paths:
        if path.suffix == ".png":
            picture = imread(path)
            assert picture.shape[0] > 300
            assert picture[..., :3].std() > 0.01, "not blank"
        else:
            assert path.read_text(encoding="utf-8").startswith("<?xml")


def test_empty_input_is_told():
    motility, image = measure(n_rows=0)
    assert "No tracks of two or more nuclei" in read_labels(draw_tracks(motility, image))
    assert read_labels(draw_density(motility)) == ["No nuclei in 6 frames"]
    assert read_labels(draw_track_lengths(motility)) == ["No tracks"]
    for draw in (draw_directions, draw_speeds):
        assert re.match(r"No (steps|track)", read_labels(draw(motility))[0])


def test_same_input_gives_the_same_bytes(tmp_path):
    motility, image = measure()
    first = draw_motility(tmp_path / "a", motility, image=image)
    second = draw_motility(tmp_path / "b", motility, image=image)
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
    assert not any("<dc:date>" in path.read_text() for path in first if path.suffix == ".svg")

"""Counts image by image, and the view of a very large image."""

import numpy as np
import pandas as pd
import pytest

from autonuclei.annotate.selection import ACCEPTED, TOO_SMALL
from autonuclei.report.segmentation_figures import (
    MOST_BARS,
    count_objects,
    draw_counts,
    draw_mosaic,
    measure_density,
)
from autonuclei.report.style import save_figure
from shapes import draw_disks, photograph

OBJECTS = pd.DataFrame(
    {
        "sample": ["a", "a", "a", "b"],
        "frame": [0, 0, 2, 0],
        "verdict": [ACCEPTED, TOO_SMALL, ACCEPTED, ACCEPTED],
    }
)
PREDICTED = {
    "a": pd.DataFrame({"frame": [0, 0, 0, 1, 2]}),
    "b": pd.DataFrame({"frame": np.zeros(0, np.int64)}),
}
FRAMES = [
    {"sample": "a", "frame": frame, "annotated": frame < 2, "segmented": True} for frame in range(3)
] + [{"sample": "b", "frame": 0, "annotated": False, "segmented": True}]


def test_counts_of_each_image():
    table = count_objects(FRAMES, OBJECTS, PREDICTED)
    assert list(table) == ["sample", "frame", "objects", "accepted", "predicted"]
    assert table["sample"].tolist() == ["a", "a", "a", "b"]
    nan = np.nan
    np.testing.assert_array_equal(table["objects"], [2, 0, nan, nan])
    np.testing.assert_array_equal(table["accepted"], [1, 0, nan, nan])
    np.testing.assert_array_equal(table["predicted"], [3, 1, 1, 0])


def test_image_that_was_passed_over_has_no_number():
    frames = [frame | {"annotated": False, "segmented": False} for frame in FRAMES]
    table = count_objects(frames, None, PREDICTED)
    assert table[["objects", "accepted", "predicted"]].isna().all(axis=None)


@pytest.mark.parametrize("n", [1, 3, MOST_BARS + 1])
def test_bars_or_lines_by_the_number_of_images(tmp_path, n):
    counts = {"objects": np.arange(n) + 3.0, "accepted": 2.0, "predicted": np.arange(n) + 2.0}
    figure = draw_counts(
        pd.DataFrame({"sample": "a", "frame": np.arange(n)} | counts), title="nuclei"
    )
    (axes,) = figure.axes
    assert len(axes.patches) == (3 * n if n <= MOST_BARS else 0)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[1] == f"accepted as nuclei ({2 * n} in {n})"
    save_figure(figure, [tmp_path / "a.png", tmp_path / "a.svg"])


def test_counts_where_nothing_was_annotated_or_found(tmp_path):
    frames = [frame | {"annotated": False} for frame in FRAMES]
    nothing = {name: table[:0] for name, table in PREDICTED.items()}
    figure = draw_counts(count_objects(frames, None, nothing), title="nothing found")
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["nuclei in the masks (0 in 4)"]
    save_figure(figure, [tmp_path / "a.png"])


def test_density_does_not_fall_towards_the_border():
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[5:400:10, 5:400:10])
    density = measure_density(y, x, 50.0, (400, 400))
    inside = (y > 50) & (y < 350) & (x > 50) & (x < 350)
    assert density[inside] == pytest.approx(0.01, rel=0.05)
    assert density == pytest.approx(0.01, rel=0.2)
    assert measure_density(y[:0], x[:0], 50.0, (400, 400)).size == 0


@pytest.mark.parametrize(("size", "unit"), [(0.5, "nuclei/mm²"), (None, "nuclei per million px")])
def test_mosaic_shows_the_densest_and_the_emptiest_place(tmp_path, size, unit):
    centres = [(20.0 + 30 * i, 20.0 + 30 * k) for i in range(10) for k in range(7)]
    centres += [(20.0, 560.0), (300.0, 560.0)]
    labels = draw_disks((320, 600), centres, 8)
    places = np.array(centres)
    table = pd.DataFrame({"y_px": places[:, 0], "x_px": places[:, 1], "area_px": 200})
    figure = draw_mosaic(photograph(labels), labels, table, name="a", pixel_size_um=size)
    axes = [axes for part in figure.subfigs for axes in part.axes]
    assert axes[0].get_title().startswith("a: 72 nuclei in ")
    assert len(axes[0].collections[0].get_offsets()) == 72
    assert [text.get_text() for text in axes[0].texts][1:] == ["A", "B", "C"]
    titles = [part.get_title() for part in axes[-3:]]
    assert [title.split(",")[0] for title in titles] == [
        "A: highest density",
        "B: median density",
        "C: lowest density",
    ]
    assert all(title.endswith(unit) for title in titles)
    left = [patch.get_x() for patch in axes[0].patches]
    assert left[2] > 300 > left[0]
    save_figure(figure, [tmp_path / "a.png"])


def test_mosaic_without_a_nucleus(tmp_path):
    image = np.zeros((300, 400), np.uint8)
    table = pd.DataFrame({name: np.zeros(0) for name in ("y_px", "x_px", "area_px")})
    figure = draw_mosaic(image, image, table, name="a", pixel_size_um=None)
    save_figure(figure, [tmp_path / "a.png"])

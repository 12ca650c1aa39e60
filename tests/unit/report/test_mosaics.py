"""The view of a very large image."""

import numpy as np
import pytest

from autonuclei.report.figures import save_figure
from autonuclei.report.mosaics import draw_mosaic, measure_density
from shapes import draw_disks, photograph


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
    table = {"y_px": places[:, 0], "x_px": places[:, 1], "area_px": np.full(len(centres), 200)}
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
    table = {name: np.zeros(0) for name in ("y_px", "x_px", "area_px")}
    figure = draw_mosaic(image, image, table, name="a", pixel_size_um=None)
    save_figure(figure, [tmp_path / "a.png"])

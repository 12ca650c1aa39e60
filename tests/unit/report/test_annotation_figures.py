"""Figures of the annotation show each object by its verdict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autonuclei.annotate.selection import ACCEPTED, TOO_LARGE, TOO_SMALL, VERDICTS
from autonuclei.report.annotation_figures import (
    VERDICT_COLOURS,
    AnnotationSteps,
    choose_box,
    colour_verdicts,
    draw_annotation_overlay,
    draw_annotation_steps,
)
from autonuclei.report.style import save_figure
from shapes import draw_disks, photograph

ROOT = Path(__file__).resolve().parents[3]
OBJECTS = draw_disks((400, 400), [(40, 40), (40, 100), (350, 60), (350, 350), (300, 350)], 12)
IMAGE = photograph(OBJECTS)
TABLE = pd.DataFrame(
    {
        "label": np.arange(1, 6),
        "y_px": np.array([40.0, 40, 350, 350, 300]),
        "x_px": np.array([40.0, 100, 60, 350, 350]),
        "area_px": np.full(5, 441),
        "verdict": [ACCEPTED, ACCEPTED, ACCEPTED, TOO_SMALL, TOO_LARGE],
    }
)


def read_legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_reasons_have_colours_of_their_own():
    verdicts = pd.Series(["new reason", "other", ACCEPTED, TOO_SMALL, "other"])
    colours = colour_verdicts(verdicts)
    assert list(colours) == [ACCEPTED, "other", "new reason", TOO_SMALL]
    assert len(set(colours.values())) == 4
    assert colours[TOO_SMALL] == VERDICT_COLOURS[TOO_SMALL]
    assert list(colour_verdicts(pd.Series([], dtype=str))) == [ACCEPTED]


def test_legend_and_caption_name_every_reason_and_add_up():
    n = len(VERDICTS)
    objects = draw_disks((100, 60 * n), [(50, 30 + 60 * i) for i in range(n)], 12)
    table = pd.DataFrame(
        {
            "label": np.arange(1, n + 1),
            "y_px": np.full(n, 50.0),
            "x_px": 30.0 + 60 * np.arange(n),
            "area_px": np.full(n, 441),
            "verdict": VERDICTS,
        }
    )
    figure = draw_annotation_overlay(
        photograph(objects), objects, table, name="a, frame 0", pixel_size_um=None
    )
    counts = dict(text.removeprefix("rejected, ").split(": ") for text in read_legend(figure))
    assert set(counts) == set(VERDICTS)
    assert sum(map(int, counts.values())) == len(table)
    assert f"of {len(table)} objects" in figure.get_suptitle()
    assert len(set(colour_verdicts(table["verdict"]).values())) == n
    caption = (ROOT / "workflow/report/annotation_overlay.rst").read_text()
    assert all(verdict in caption for verdict in VERDICTS)


def test_box_shows_the_most_kinds_of_verdict():
    top, bottom, left, right = choose_box(TABLE, (400, 400))
    assert bottom - top == right - left == round(9 * 2 * (441 / np.pi) ** 0.5)
    assert top <= 300 and bottom > 350 and left <= 350 < right


@pytest.mark.parametrize(("size", "bars"), [(0.5, ["50 µm", "20 µm"]), (None, ["100 px", "50 px"])])
def test_overlay_counts_and_colours_the_objects(size, bars):
    figure = draw_annotation_overlay(IMAGE, OBJECTS, TABLE, name="a, frame 0", pixel_size_um=size)
    assert read_legend(figure) == [
        "accepted: 3",
        "rejected, too large: 1",
        "rejected, too small: 1",
    ]
    assert figure.get_suptitle() == "Automatic annotation: 3 of 5 objects accepted"
    whole, part = figure.axes
    drawn = {
        len(collection.get_paths()): collection.get_facecolor().size > 0
        for collection in whole.collections
    }
    assert drawn == {3: False, 1: True}  # rejected ones are tinted
    assert [text.get_text() for axes in (whole, part) for text in axes.texts] == bars


def test_overlay_without_an_object(tmp_path):
    figure = draw_annotation_overlay(
        IMAGE, np.zeros_like(OBJECTS), TABLE[:0], name="a", pixel_size_um=None
    )
    assert read_legend(figure) == ["accepted: 0"]
    save_figure(figure, [tmp_path / "a.png"])


@pytest.mark.parametrize(("ignored", "levels"), [(True, False), (False, False), (True, True)])
def test_steps_are_all_there(tmp_path, ignored, levels):
    labels = np.where(OBJECTS <= 3, OBJECTS, -1 if ignored else 0)
    seeds = np.stack([TABLE["y_px"], TABLE["x_px"]], axis=1).astype(int)
    steps = AnnotationSteps(IMAGE, OBJECTS > 0, seeds, OBJECTS, OBJECTS, IMAGE, labels)
    if levels:
        steps = replace(steps, by_level=OBJECTS)
    figure = draw_annotation_steps(steps, TABLE, name="a, frame 0", pixel_size_um=0.5)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert [title[0] for title in titles[1:]] == list("12345678")[: 8 if levels else 7]
    assert ("4 nuclei at levels of their own" in titles) == levels
    assert ("hatched: ignored" in titles[-1]) == ignored
    top, _, left, _ = choose_box(TABLE, IMAGE.shape)
    (drawn,) = figure.axes[3].lines
    places = np.stack([drawn.get_ydata() + top, drawn.get_xdata() + left], axis=1)
    assert places.tolist() == [[350, 350], [300, 350]]
    save_figure(figure, [tmp_path / "a.png"])

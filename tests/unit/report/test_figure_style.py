"""Numbers, brightness, scale bars, and figures that do not change from run to run."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from autonuclei.report.evaluation_figures import plot_f1
from autonuclei.report.style import (
    SPEED_COLOURS,
    choose_bar_length,
    choose_speed_limits,
    find_limits,
    format_number,
    name_measure,
    save_figure,
    stretch_bytes,
    stretch_grey,
)
from autonuclei.report.training_figures import plot_loss

HISTORY = pd.DataFrame(
    {
        "epoch": np.arange(1, 6),
        "loss": [0.9, 0.6, 0.5, 0.45, 0.44],
        "val_loss": [0.95, 0.7, 0.55, 0.6, 0.58],
    }
)
NO_ROWS = pd.DataFrame(columns=["stage", "sample", "frame", "iou", "f1"])


@pytest.mark.parametrize(
    "draw", [lambda: plot_loss(HISTORY, "nuclei"), lambda: plot_f1(NO_ROWS, "nuclei")]
)
def test_same_figure_same_file(tmp_path: Path, draw: Any) -> None:
    for name in ("a", "b"):
        save_figure(draw(), [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"])
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    svg = (tmp_path / "a.svg").read_text()
    assert "<text" in svg  # letters stay letters, to be edited and searched
    assert "nuclei" in svg
    with Image.open(tmp_path / "a.png") as image:
        assert image.size[0] >= 600


def test_loss_names_the_epoch_that_is_kept() -> None:
    axes = plot_loss(HISTORY, "nuclei").axes[0]
    assert "best epoch (3), kept" in [text.get_text() for text in axes.get_legend().get_texts()]
    assert [len(line.get_xdata()) for line in axes.lines] == [5, 5, 1]
    assert "epoch" in axes.get_xlabel()


def test_brightness_is_stretched_between_percentiles() -> None:
    assert stretch_grey(np.array([[0, 1, 2]]), (0, 2)).tolist() == [[0, 0.5, 1]]
    assert stretch_grey(np.array([[-9, 5, 99]]), (0, 10), white=255).tolist() == [[0, 127.5, 255]]
    assert not stretch_grey(np.full((3, 3), 7)).any(), "a flat image is black"


def test_one_small_nucleus_is_white() -> None:
    image = np.zeros((100, 100), np.uint16)
    image[0, 0] = 500
    assert find_limits(image) == (0, 500)
    assert stretch_grey(image)[0, 0] == 1


@pytest.mark.parametrize(("width", "length"), [(400, 100), (399, 50), (80, 20), (0.8, 0.2)])
def test_bar_length_is_round(width: float, length: float) -> None:
    assert choose_bar_length(width) == pytest.approx(length)


def test_speed_limits() -> None:
    assert choose_speed_limits(np.array([np.nan, 0.0])) == (0, 1)
    assert choose_speed_limits(np.array([])) == (0, 1)
    assert choose_speed_limits(np.array([np.nan, 2.0, 2.0])) == (0, 2)


def test_slow_is_blue_and_fast_is_red() -> None:
    slow, fast = SPEED_COLOURS(0.0), SPEED_COLOURS(1.0)
    assert slow[2] > 0.9
    assert slow[0] < 0.3
    assert fast[0] > 0.9
    assert fast[2] < 0.3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1222, "1,222"),
        (1222.0, "1,222"),
        (0, "0"),
        (0.98734, "0.987"),
        (0.0001234, "0.000123"),
        (54321.7, "54,322"),
        (float("nan"), "undefined"),
        (None, "undefined"),
        (np.float64("nan"), "undefined"),
        (np.int64(7), "7"),
        ("word", "word"),
    ],
)
def test_numbers_for_people(value: float | str | None, words: str) -> None:
    assert format_number(value) == words


def test_pixels_that_are_no_numbers_are_black() -> None:
    image = np.array([[0, 1, 2, np.nan, np.inf, -np.inf]], np.float32)
    assert find_limits(image, (0, 100)) == (0, 2)
    assert stretch_grey(image, (0, 2)).tolist() == [[0, 0.5, 1, 0, 1, 0]]
    assert not stretch_grey(np.full((3, 3), np.nan)).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_bytes_are_those_of_stretched_grey_values(dtype: Any) -> None:
    image = np.arange(250).reshape(10, 25).astype(dtype)
    expected = stretch_grey(image, (10, 200), white=255).astype(np.uint8)
    np.testing.assert_array_equal(stretch_bytes(image, (10, 200)), expected)


def test_measures_are_named_with_their_units() -> None:
    named = {name_measure(name) for name in ("area_um2", "GFP_core_mean", "GFP_ring_ratio")}
    assert named == {
        "Area of a nucleus (µm²)", "GFP in the nucleus (grey values)", "GFP, nucleus over ring",
    }  # fmt: skip
    assert name_measure("mean_speed_um_per_min") == "Mean speed of a track (µm/min)"

"""Figures are written, show what they should, and do not change from run to run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from autonuclei.report.figures import plot_f1, plot_loss, save_figure

HISTORY = {
    "epoch": np.arange(1, 6),
    "loss": np.array([0.9, 0.6, 0.5, 0.45, 0.44]),
    "val_loss": np.array([0.95, 0.7, 0.55, 0.6, 0.58]),
}


def make_rows() -> list[dict[str, Any]]:
    rows = []
    for stage in ("annotation", "segmentation"):
        for sample, frame in (("a", 0), ("all", 3), ("all", -1)):
            for iou in (0.5, 0.7, 0.9):
                row = {"stage": stage, "sample": sample, "frame": frame}
                rows.append(row | {"iou": iou, "f1": 1.2 - iou})
    return rows


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plot_loss(HISTORY, "nuclei"),
        lambda: plot_f1(make_rows(), "nuclei"),
        lambda: plot_f1([], "nuclei"),
    ],
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


def test_f1_shows_every_image_and_all_of_them() -> None:
    """A sample may be called "all"; only the pooled line is thick and named."""
    axes = plot_f1(make_rows(), "nuclei").axes[0]
    assert len(axes.lines) == 6
    assert sorted(line.get_linewidth() for line in axes.lines) == [0.7] * 4 + [2.5] * 2
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["annotation, all images", "segmentation, all images"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.7, 0.5, 0.3])


def test_undefined_f1_leaves_a_gap(tmp_path: Path) -> None:
    rows = make_rows()
    for row in rows[::3]:
        row["f1"] = float("nan")
    save_figure(plot_f1(rows, "nuclei"), [tmp_path / "a.svg"])
    assert (tmp_path / "a.svg").stat().st_size > 1000

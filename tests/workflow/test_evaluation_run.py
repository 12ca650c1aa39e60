"""The workflow as a method of `make evaluate`, on images drawn small."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from conftest import TINY
from research.evaluation.layouts import read_recordings
from research.evaluation.methods import run_workflow
from research.evaluation.scores import score_result
from shapes import GRID, draw_disks, photograph


@pytest.mark.parametrize("kind", ["movie", "stills"])
def test_from_raw_images_to_figures(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    labels = draw_disks((96, 96), GRID, 9)
    folders = ("01", "01_ST/SEG", "01_GT/TRA") if kind == "movie" else ("images", "masks")
    for name in folders:
        (data / name).mkdir(parents=True)
    for frame in range(3):
        image = photograph(labels, seed=frame)
        if kind == "movie":
            tifffile.imwrite(data / "01" / f"t{frame:03d}.tif", image)
            truth = data / "01_ST/SEG" / f"man_seg{frame:03d}.tif"
            tifffile.imwrite(
                data / "01_GT/TRA" / f"man_track{frame:03d}.tif", labels.astype(np.uint16)
            )
        else:
            tifffile.imwrite(data / "images" / f"{frame}.tif", image)
            truth = data / "masks" / f"{frame}.tif"
        tifffile.imwrite(truth, labels.astype(np.uint16))
    if kind == "movie":
        lines = [f"{number} 0 2 0\n" for number in np.unique(labels[labels > 0])]
        (data / "01_GT/TRA/man_track.txt").write_text("".join(lines))
    (recording,) = read_recordings(data)
    result = run_workflow(recording, tmp_path / "run", TINY, "1")
    scores = score_result(recording, result)
    truth_of = "silver" if kind == "movie" else "masks"
    assert scores[f"{truth_of} images"] == 3
    assert scores[f"{truth_of} F1 0.50"] > 0.5
    assert result.cpu_s > 1
    if kind == "movie":
        assert scores["TRA"] > 0.5

"""Against published data, which is not part of the repository; skipped where it is absent."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.measure import label

from autonuclei.annotation import find_foreground, split_nuclei
from autonuclei.boundaries import refine_boundaries
from autonuclei.evaluation import read_labels
from autonuclei.images import read_header, read_plane
from autonuclei.matching import add_metrics, compare_labels

DATA = Path(
    os.environ.get("AUTONUCLEI_DATA", Path(__file__).resolve().parents[2].parent / "shared/data")
)
PAPER = DATA / "englbrecht2021"
pytestmark = pytest.mark.skipif(
    not PAPER.is_dir(), reason=f"the data of Englbrecht et al. 2021 is not in {DATA}"
)


def read_rendering(path: Path) -> np.ndarray:
    """Label image from a picture in which neighbouring nuclei have different colours."""
    colours = np.asarray(Image.open(path).convert("RGB")).astype(np.int64)
    codes = colours @ np.array([1, 256, 65536])
    return label(codes, background=0, connectivity=2)


def test_published_automatic_masks_score_as_published() -> None:
    rows = [
        compare_labels(
            read_labels(PAPER / f"training_masks_manual/frame{i}.png"),
            read_rendering(PAPER / f"training_masks_automated/frame{i}.png"),
            [0.5],
        )[0]
        for i in range(1, 6)
    ]
    assert sum(row["n_predicted"] for row in rows) == 4339
    assert sum(row["n_true"] for row in rows) == 6409
    metrics = [add_metrics(row) for row in rows]
    assert np.mean([row["foreground_f1"] for row in metrics]) == pytest.approx(0.695, abs=0.0006)
    touched = np.mean([row["foreground_f1_touched"] for row in metrics])
    assert touched == pytest.approx(0.871, abs=0.0006)
    matched = np.mean([row["mean_iou_matched"] for row in metrics])
    assert matched == pytest.approx(0.787, abs=0.0006)


def test_annotation_of_the_paper_test_frame() -> None:
    path = PAPER / "frames/frame01.png"
    assert read_header(path).height == 2048
    image = read_plane(path)
    foreground, _ = find_foreground(image, smoothing_px=1.0, threshold_factor=0.8)
    nuclei = refine_boundaries(image, split_nuclei(foreground))
    truth = read_labels(PAPER / "ground_truth/frame01.tif")
    f1 = {row["iou"]: add_metrics(row) for row in compare_labels(truth, nuclei, [0.5, 0.9])}
    assert f1[0.5]["f1"] > 0.94
    assert f1[0.9]["f1"] > 0.6
    assert f1[0.5]["mean_iou_true"] > 0.87

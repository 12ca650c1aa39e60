"""Against published data, which is not part of the repository; skipped where it is absent."""

import os
from pathlib import Path

import pytest

from autonuclei.annotate.boundaries import refine_boundaries
from autonuclei.annotate.foreground import find_foreground
from autonuclei.annotate.splitting import split_nuclei
from autonuclei.io.images import read_header, read_plane
from autonuclei.io.label_images import read_label_image
from autonuclei.labels.matching import compute_metrics, count_matches
from research.reproduction.numbers import compare_published_masks

DATA = Path(
    os.environ.get("AUTONUCLEI_DATA", Path(__file__).resolve().parents[2].parent / "shared/data")
)
PAPER = DATA / "englbrecht2021"
pytestmark = pytest.mark.skipif(
    not PAPER.is_dir(), reason=f"the data of Englbrecht et al. 2021 is not in {DATA}"
)


def test_published_automatic_masks_score_as_published() -> None:
    numbers = compare_published_masks(PAPER)
    assert numbers["n_automatic"] == 4339
    assert numbers["n_manual"] == 6409
    for name, published in (
        ("annotation_f1", 0.695),
        ("annotation_f1_touched", 0.871),
        ("annotation_iou", 0.787),  # the paper: 0.790
    ):
        assert numbers[name] == pytest.approx(published, abs=0.0006)


def test_annotation_of_the_paper_test_frame() -> None:
    path = PAPER / "frames/frame01.png"
    assert read_header(path).height == 2048
    image = read_plane(path)
    foreground, _ = find_foreground(image)
    nuclei = refine_boundaries(image, split_nuclei(foreground))
    truth = read_label_image(PAPER / "ground_truth/frame01.tif")
    metrics = compute_metrics(count_matches(truth, nuclei, [0.5, 0.9]))
    assert metrics["f1"][0] > 0.94
    assert metrics["f1"][1] > 0.6
    assert metrics["mean_iou_true"][0] > 0.87

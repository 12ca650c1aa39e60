"""Reading a ground truth, and pooling over images and stages."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from autonuclei.annotate.preprocessing import rescale_labels
from autonuclei.errors import InputError
from autonuclei.evaluate.masks import (
    crop_labels,
    read_labels,
    summarize_rows,
    tabulate_rows,
)
from autonuclei.labels.matching import METRIC_COLUMNS, add_metrics, compare_labels
from shapes import GRID, draw_disks, draw_squares


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_label_images_of_every_type(tmp_path: Path, dtype: str) -> None:
    labels = draw_disks((96, 96), GRID, 9)
    tifffile.imwrite(tmp_path / "a.tif", np.stack([labels * 0, labels]).astype(dtype))
    back = read_labels(tmp_path / "a.tif", page=1)
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, labels)
    assert read_labels(tmp_path / "a.tif", page=0).max() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda labels: labels + 0.5, "no whole numbers"),
        (lambda labels: np.where(labels == 3, np.nan, labels), "no whole numbers"),
        (lambda labels: np.where(labels == 3, np.inf, labels), "no whole numbers"),
        (lambda labels: np.where(labels == 3, 2.0**40, labels), "no whole numbers"),
        (lambda labels: (labels - 1).astype(np.int32), "values below 0"),
        (lambda labels: ((labels > 0) * 255).astype(np.uint8), r"one value \(255\) for 9 separate"),
    ],
)
def test_what_is_no_label_image(tmp_path: Path, change: Any, said: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", change(draw_disks((96, 96), GRID, 9)))
    with pytest.raises(InputError, match=said) as error:
        read_labels(tmp_path / "a.tif")
    assert str(error.value).startswith(str(tmp_path / "a.tif"))
    assert "\n" not in str(error.value)


def test_one_nucleus_may_have_one_value(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw_disks((96, 96), GRID[:1], 9) * 255)
    assert read_labels(tmp_path / "a.tif").max() == 255


def test_coloured_labels_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((32, 32, 3), np.uint8)
    colours[4:9, 4:9] = (255, 0, 0)
    Image.fromarray(colours).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="colour image"):
        read_labels(tmp_path / "a.png")


def test_crop_and_scale_of_labels() -> None:
    labels = draw_squares((40, 60), [(10, 20)], 8)
    assert crop_labels(labels, None) is labels
    cropped = crop_labels(labels, [8, 30, 16, 60])
    assert cropped.shape == (22, 44)
    assert np.argwhere(cropped)[0].tolist() == [2, 4]
    np.testing.assert_array_equal(rescale_labels(labels, 1.0), labels)
    half = rescale_labels(labels, 0.5)
    np.testing.assert_array_equal(half, draw_squares((20, 30), [(5, 10)], 4))
    np.testing.assert_array_equal(rescale_labels(half, 2.0), labels)


def make_rows() -> list[dict[str, Any]]:
    squares = draw_squares((40, 40), [(2, 2), (2, 20), (20, 2), (20, 20)], 10)
    rows = []
    for stage, frame, predicted in (
        ("annotation", 0, squares * (squares == 1)),
        ("annotation", 1, squares * 0),
        ("segmentation", 0, squares),
    ):
        name = {"stage": stage, "sample": "s", "frame": frame}
        rows += [name | row for row in compare_labels(squares, predicted, [0.5, 0.9])]
    return rows


def test_summary_pools_each_stage_and_threshold() -> None:
    summary = summarize_rows(make_rows())
    assert [(row["stage"], row["iou"], row["n_images"]) for row in summary] == [
        ("annotation", 0.5, 2),
        ("annotation", 0.9, 2),
        ("segmentation", 0.5, 1),
        ("segmentation", 0.9, 1),
    ]
    assert summary[0]["n_true"] == 8
    assert summary[0]["recall"] == 1 / 8
    assert summary[0]["precision"] == 1
    assert summary[2]["f1"] == 1
    table = tabulate_rows(summary, ("stage", "n_images"))
    assert tuple(table) == ("stage", "n_images", *METRIC_COLUMNS)
    assert table["n_images"] == [2, 2, 1, 1]


def test_image_without_prediction_has_no_precision() -> None:
    row = add_metrics(make_rows()[2])
    assert math.isnan(row["precision"])
    assert row["recall"] == 0

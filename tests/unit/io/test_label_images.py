"""Label images that others drew are checked when they are read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.label_images import read_label_image
from shapes import GRID, draw_disks


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_label_images_of_every_type(tmp_path: Path, dtype: str) -> None:
    labels = draw_disks((96, 96), GRID, 9)
    tifffile.imwrite(tmp_path / "a.tif", np.stack([labels * 0, labels]).astype(dtype))
    back = read_label_image(tmp_path / "a.tif", page=1)
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, labels)
    assert read_label_image(tmp_path / "a.tif", page=0).max() == 0


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
        read_label_image(tmp_path / "a.tif")
    assert str(error.value).startswith(str(tmp_path / "a.tif"))
    assert "\n" not in str(error.value)


def test_one_nucleus_may_have_one_value(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw_disks((96, 96), GRID[:1], 9) * 255)
    assert read_label_image(tmp_path / "a.tif").max() == 255


def test_coloured_labels_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((32, 32, 3), np.uint8)
    colours[4:9, 4:9] = (255, 0, 0)
    Image.fromarray(colours).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="colour image"):
        read_label_image(tmp_path / "a.png")

"""The files of a large frame, sound, empty or not to be read."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.images import PlaneReader
from autonuclei.io.tables import read_table
from autonuclei.segment.block_polygons import FoundPolygons, write_numbers, write_polygons
from autonuclei.segment.image_numbers import measure_image
from autonuclei.segment.large_frames import write_large_frame
from autonuclei.segment.planes import read_frame
from autonuclei.segment.prediction import draw_nuclei
from autonuclei.settings import PreprocessSettings, list_steps
from shapes import draw_disks, photograph

CENTRES = np.array([(40, 30), (64, 66), (90, 100)])


def outline() -> FoundPolygons:
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    corners = CENTRES[:, :, None] + 9 * np.stack([np.sin(angle), np.cos(angle)])
    return FoundPolygons(corners, np.array([0.9, 0.8, 0.7], np.float32), CENTRES)


def write(folder: Path, image: Any, **more: Any) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """Labels by page, and both tables, of an image in a file, as the rules make them."""
    path = folder / "image.tif"
    tifffile.imwrite(path, image)
    if more.pop("torn", False):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    plane = {"path": str(path), "frame": 0, "skip_broken": True}
    with PlaneReader() as read:
        known, record = read_frame(read, 0, plane, folder / "image.raw")
        steps = list_steps(PreprocessSettings())
        numbers = None if record["problem"] or known is None else measure_image(known, steps)
    write_numbers(folder / "image.json", record, numbers)
    write_polygons(folder / "00.npz", outline())
    files = {name: folder / name for name in ("labels", "probability", "record")}
    write_large_frame(
        folder / "image.json",
        [folder / "00.npz"],
        side=50,
        drawing={"refine_boundaries": True, "minimum_sharpness": 0.75, "cut_clumps": True},
        folder=folder,
        planes={0: plane},
        is_movie=False,
        log=logging.getLogger(),
        **files,
        **{"skip_unreadable": True, "keep_pages": False} | more,
    )
    with tifffile.TiffFile(files["labels"]) as pages:
        labels = [page.asarray() for page in pages.pages]
    return labels, read_table(files["probability"]), read_table(files["record"])


def test_a_sound_frame(tmp_path: Path) -> None:
    image = photograph(draw_disks((130, 140), CENTRES, 9))
    labels, nuclei, record = write(tmp_path, image)
    found = outline()
    expected, probability = draw_nuclei(image, found.polygons, found.probability)
    assert len(probability) == 3
    np.testing.assert_array_equal(labels[0], expected)
    assert nuclei["probability"].tolist() == pytest.approx(probability.tolist())
    assert record["minimum"].tolist() == [image.min()]
    assert not list(tmp_path.glob("tmp*"))


def test_an_empty_frame_has_no_nuclei(tmp_path: Path) -> None:
    labels, nuclei, record = write(tmp_path, photograph(np.zeros((130, 140))))
    assert [page.any() for page in labels] == [False]
    assert len(nuclei) == 0
    assert record["problem"].isna().all() or (record["problem"] == "").all()


def test_a_frame_that_cannot_be_read(tmp_path: Path) -> None:
    image = photograph(draw_disks((130, 140), CENTRES, 9))
    with pytest.raises(InputError, match=r"image\.tif"):
        write(tmp_path, image, torn=True, keep_pages=True)
    spoiled = image.astype(np.float32)
    spoiled[50, 60] = np.nan
    with pytest.raises(InputError, match=r"image\.tif: has 1 pixels"):
        write(tmp_path, spoiled, skip_unreadable=False)
    labels, nuclei, record = write(tmp_path, spoiled, keep_pages=True)
    assert [page.shape for page in labels] == [(130, 140)]
    assert not labels[0].any()
    assert len(nuclei) == 0
    assert "image.tif" in record["problem"][0]

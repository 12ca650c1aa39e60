"""The record of what was read of each frame."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from autonuclei.io.images import PlaneReader
from autonuclei.io.tables import read_table, write_table
from autonuclei.segment.planes import TEXT_COLUMNS, join_planes, list_problems, read_frame

MOVIE = np.random.default_rng(0).integers(1, 4000, (3, 40, 50)).astype(np.float32)
MOVIE[1] = 7
MOVIE[2, 0, 0] = np.nan


@pytest.fixture
def movie(tmp_path: Path) -> str:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, MOVIE, imagej=True, metadata={"axes": "TYX"})
    return str(path)


def read_all(movie: str, **options: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    with PlaneReader() as read:
        planes = [{"path": movie, "frame": page} | options for page in range(3)]
        pairs = [read_frame(read, 10 + page, plane) for page, plane in enumerate(planes)]
    return [image for image, _ in pairs], [record for _, record in pairs]


def test_problems_are_recorded_by_frame_and_not_raised(movie: str) -> None:
    images, records = read_all(movie)
    for image, page in zip(images, MOVIE, strict=True):
        np.testing.assert_array_equal(image, page)
    assert [record["frame"] for record in records] == [10, 11, 12]
    assert [record["page"] for record in records] == [0, 1, 2]
    assert {record["stamp"] for record in records} == {""}
    assert records[0]["sha256"] == hashlib.sha256(MOVIE[0].astype("<f4").tobytes()).hexdigest()
    assert records[0]["minimum"] == MOVIE[0].min()
    assert records[0]["maximum"] == MOVIE[0].max()
    assert records[0]["problem"] == ""
    assert records[1]["problem"].startswith(f"frame 1 of {movie}: all pixels have the value 7.0")
    assert records[2]["problem"].startswith(f"frame 2 of {movie}: has 1 pixels that are NaN")


def test_a_frame_that_is_passed_over_is_black_and_has_no_checksum(movie: str) -> None:
    images, records = read_all(movie, skip_broken=True)
    assert not images[2].any()
    assert records[2]["sha256"] == ""
    assert np.isnan(records[2]["maximum"])
    assert records[2]["problem"].startswith(f"frame 2 of {movie}: has 1 pixels that are NaN")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with PlaneReader() as read:
        image, record = read_frame(read, 0, {"path": [str(tmp_path / "a.tif")], "frame": 0})
    assert image is None
    assert record["file"] == str(tmp_path / "a.tif")
    assert "no such file" in record["problem"]


def test_records_of_all_stretches_in_one_table(movie: str, tmp_path: Path) -> None:
    _, records = read_all(movie)
    for number, part in enumerate((records[:2], records[2:])):
        write_table(tmp_path / f"{number}.csv", pd.DataFrame(part))
    tables = [read_table(tmp_path / f"{number}.csv", text=TEXT_COLUMNS) for number in range(2)]
    planes = join_planes(tables, {10: "a", 11: "007", 12: "c"})
    assert list(planes)[:3] == ["frame", "image", "file"]
    assert planes["image"].tolist() == ["a", "007", "c"]
    assert planes["sha256"].tolist() == [record["sha256"] for record in records]
    problems = list_problems(planes)
    assert list(problems) == ["frame", "image", "problem"]
    assert problems["frame"].tolist() == [11, 12]

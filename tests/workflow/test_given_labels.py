"""Samples whose masks are given: no network finds their nuclei, and all the rest is made."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from autonuclei.io.hyperstack import write_image_movie
from conftest import Run, find_one, run_snakemake, save_still, write_config
from shapes import GRID, draw_disks, photograph

# Numbers with gaps, as after deleting nuclei by hand.
NUMBERS = np.array([0, 3, 500, 7, 65535, 20, 21, 22, 40, 1])
SHEET = [
    {"experiment": "e", "sample": "film", "images": "raw/film.tif", "kind": "movie",
     "labels": "labels/film.tif", "ground_truth": "labels/film.tif"},
    {"experiment": "e", "sample": "fields", "images": "raw/field*.tif", "kind": "stills",
     "labels": "labels/field*_cp_masks.tif"},
]  # fmt: skip


def draw_film() -> list[np.ndarray]:
    frames = [NUMBERS[draw_disks((96, 96), [(y + t, x) for y, x in GRID], 9)] for t in range(3)]
    frames[1][90:92, 2:6] = 500  # a second piece of a nucleus
    return [frame.astype(np.uint16) for frame in frames]


def draw_given(folder: Path) -> None:
    masks = draw_film()
    film = {"n_frames": 3, "pixel_size_um": 0.5, "frame_interval_min": 10}
    images = [photograph(mask, seed=number) for number, mask in enumerate(masks)]
    write_image_movie(folder / "raw" / "film.tif", images, **film)
    write_image_movie(folder / "labels" / "film.tif", masks, **film)
    for number in range(3):
        save_still(folder / "raw" / f"field{number}.tif", number)
    # Cellpose writes such names; the image in between has no masks.
    for number in (0, 2):
        field = draw_disks((96, 96), GRID, 8 + number).astype(np.int32) * 1_000_000
        tifffile.imwrite(folder / "labels" / f"field{number}_cp_masks.tif", field)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A finished run of given masks alone, on a machine without TensorFlow."""
    folder = tmp_path_factory.mktemp("given")
    draw_given(folder)
    write_config(folder, SHEET)
    without = folder / "without"
    for name in ("tensorflow", "keras"):
        (without / name).mkdir(parents=True)
        (without / name / "__init__.py").write_text(f"raise ImportError('{name} is wanted')\n")
    paths = os.pathsep.join([str(without), os.environ.get("PYTHONPATH", "")])
    run = run_snakemake(folder, environment={"PYTHONPATH": paths})
    assert run.code == 0, run.all
    return folder, run


def test_given_masks_come_out_pixel_by_pixel(given: tuple[Path, Run]) -> None:
    folder, _ = given
    segmentation = folder / "results" / "e" / "segmentation"
    masks = draw_film()
    np.testing.assert_array_equal(tifffile.imread(segmentation / "film" / "labels.tif"), masks)
    found = pd.read_csv(segmentation / "film" / "objects.csv")
    for frame, mask in enumerate(masks):
        own = found[found["frame"] == frame]
        numbers, areas = np.unique(mask[mask > 0], return_counts=True)
        assert own["label"].tolist() == numbers.tolist()
        assert own["area_px"].tolist() == areas.tolist()
    assert found["probability"].isna().all()
    log = (folder / "logs" / "e" / "segmentation" / "film" / "import_0000-0002.log").read_text()
    assert "frame 1: nuclei in several pieces, each counted as one: 500" in log
    # Numbers that would not fit are counted anew.
    fields = segmentation / "fields"
    assert sorted(p.name for p in (fields / "labels").glob("*.tif")) == ["field0.tif", "field2.tif"]
    field = tifffile.imread(fields / "labels" / "field2.tif")
    np.testing.assert_array_equal(field, draw_disks((96, 96), GRID, 10))
    log = (folder / "logs" / "e" / "segmentation" / "fields" / "import_0000-0002.log").read_text()
    assert log.count("its numbers go up to 9000000; they were numbered anew from 1") == 2


def test_no_model_is_made_or_asked_for(given: tuple[Path, Run]) -> None:
    folder, run = given
    results = folder / "results" / "e"
    made = {path.name for path in results.iterdir()}
    assert not {"model", "training", "annotation", "rounds"} & made
    assert not (results / "segmentation" / "film" / "given").exists()
    record = json.loads((results / "provenance" / "provenance.json").read_text())
    assert record["thresholds"] is None
    assert record["sha256"]["model"] == {}
    assert "labels/film.tif" in record["sha256"]["inputs"]
    assert [own["labels"] for own in record["samples"]] == [
        ["labels/film.tif"],
        ["labels/field0_cp_masks.tif", "labels/field2_cp_masks.tif"],
    ]
    assert "1 image(s) without a label image: field1" in run.all
    again = run_snakemake(folder, "-n")
    assert "Nothing to be done" in again.all


def test_given_masks_are_tracked_and_reported(given: tuple[Path, Run]) -> None:
    folder, run = given
    results = folder / "results" / "e"
    tracks = pd.read_csv(results / "tracking" / "film" / "lineages.csv")
    assert len(tracks) == 9
    metrics = pd.read_csv(results / "evaluation" / "summary.csv")
    assert set(metrics["stage"]) == {"segmentation"}
    assert (metrics["f1"] == 1).all()
    verdict = json.loads((results / "quality" / "verdict.json").read_text())
    assert "All masks were given" in verdict["sentence"]
    page = (results / "summary.html").read_text()
    assert "these nuclei were not found by a network" in page
    assert "Network's thresholds" not in page
    assert "StarDist model" not in run.said


def test_masks_given_for_one_sample_among_others(tmp_path: Path) -> None:
    draw_given(tmp_path)
    for number in range(2):
        save_still(tmp_path / "raw" / f"other{number}.tif", number)
    other = {"experiment": "e", "sample": "other", "images": "raw/other*.tif", "kind": "stills"}
    write_config(tmp_path, [*SHEET, other | {"train": "1"}])
    run = run_snakemake(tmp_path, "-n")
    assert run.code == 0, run.all
    counts = {name: run.jobs[name] for name in ("import_labels", "predict_stretch", "train_model")}
    assert counts == {"import_labels": 2, "predict_stretch": 1, "train_model": 1}
    assert run.jobs["preprocess_image"] == 1


def test_given_masks_that_are_none(tmp_path: Path) -> None:
    draw_given(tmp_path)
    write_config(tmp_path, SHEET[:1])
    masks = draw_film()
    masks[2] = (masks[2] > 0).astype(np.uint16)
    tifffile.imwrite(tmp_path / "labels" / "film.tif", np.stack(masks), photometric="minisblack")
    run = run_snakemake(tmp_path, "results/e/segmentation/film/labels.tif")
    assert run.code == 1
    find_one(run.errors, "has one value (1) for 9 separate objects. Give each nucleus its own")

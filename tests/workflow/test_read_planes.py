"""What is read of each frame, dark and broken frames, and what the sheet says of a sample."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.images import read_header
from autonuclei.io.tables import read_table
from autonuclei.segment.planes import TEXT_COLUMNS
from conftest import Run, find_one, run_snakemake, write_config
from shapes import GRID, draw_disks, photograph

WELLS = {"fields": {"well": "1E3", "condition": "drug"}, "film": {"well": "007", "condition": ""}}
DARK, BROKEN = 1, 3


def draw_frames(n: int) -> np.ndarray:
    frames = [
        photograph(draw_disks((96, 96), [(y + t, x) for y, x in GRID], 9), seed=10 + t)
        for t in range(n)
    ]
    return np.stack(frames)


def save_movie(path: Path, frames: np.ndarray, pixel_size_um: float = 0.5) -> None:
    write_image_movie(
        path, frames, n_frames=len(frames), pixel_size_um=pixel_size_um, frame_interval_min=10
    )


def save_spoiled(path: Path) -> np.ndarray:
    """A movie with a frame of zeros and one with a pixel that is no number."""
    frames = draw_frames(5).astype(np.float32)
    frames[DARK] = 0
    frames[BROKEN, 5, 5] = np.nan
    save_movie(path, frames)
    return frames


@pytest.fixture(scope="module")
def passed_over(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("passed_over")
    for number, size in enumerate((0.65, 0.325)):
        save_movie(folder / f"field{number}.tif", draw_frames(1), size)
    save_spoiled(folder / "film.tif")
    fields = {"sample": "fields", "images": "field*.tif", "kind": "stills"} | WELLS["fields"]
    film = {"sample": "film", "images": "film.tif", "kind": "movie"} | WELLS["film"]
    write_config(
        folder,
        [{"experiment": "e"} | row for row in (fields, film)],
        models={"e": str(finished / "results/tiny/model")},
        skip_unreadable=True,
    )
    return folder, run_snakemake(folder)


def test_a_movie_with_a_dark_and_a_broken_frame(passed_over: tuple[Path, Run]) -> None:
    folder, run = passed_over
    assert run.code == 0, run.all
    results = folder / "results/e"
    planes = read_table(results / "segmentation/film/planes.csv", text=TEXT_COLUMNS)
    assert planes["frame"].tolist() == planes["page"].tolist() == [0, 1, 2, 3, 4]
    problems = planes["problem"].tolist()
    assert [bool(problem) for problem in problems] == [False, True, False, True, False]
    assert "frame 1 of film.tif: all pixels have the value 0" in problems[DARK]
    assert "frame 3 of film.tif: has 1 pixels that are NaN or infinite" in problems[BROKEN]
    found = read_table(results / "segmentation/film/objects.csv")
    assert set(found["frame"]) == {0, 2, 4}
    with tifffile.TiffFile(results / "segmentation/film/labels.tif") as labels:
        assert [bool(page.asarray().any()) for page in labels.pages] == [
            True,
            False,
            True,
            False,
            True,
        ]
    exported = tifffile.imread(results / "tracking/film/trackmate/film.tif")
    assert [bool(page.any()) for page in exported] == [True, False, True, False, True]
    log = next((folder / "logs/e/segmentation/film").glob("predict_*.log")).read_text()
    assert "frame 3: frame 3 of film.tif: has 1 pixels" in log


def test_checksums_are_those_of_the_pixels(passed_over: tuple[Path, Run]) -> None:
    folder, run = passed_over
    assert run.code == 0, run.all
    for sample, name in (("fields", "field1.tif"), ("film", "film.tif")):
        path = folder / f"results/e/segmentation/{sample}/planes.csv"
        planes = read_table(path, text=TEXT_COLUMNS)
        own = planes[planes["file"] == name]
        with tifffile.TiffFile(folder / name) as tiff:
            for page, known, lowest in zip(own["page"], own["sha256"], own["minimum"], strict=True):
                if sample == "film" and page == BROKEN:
                    assert known == ""
                    continue
                pixels = tiff.pages[page].asarray()
                data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
                assert known == hashlib.sha256(data).hexdigest()
                assert lowest == pytest.approx(pixels.min())


def test_every_still_has_its_pixel_size(passed_over: tuple[Path, Run]) -> None:
    folder, run = passed_over
    assert run.code == 0, run.all
    objects = read_table(folder / "results/e/segmentation/fields/objects.csv")
    size = (objects["area_um2"] / objects["area_px"]).groupby(objects["frame"]).mean() ** 0.5
    assert size.tolist() == pytest.approx([0.65, 0.325], rel=1e-4)
    for number, given in enumerate((0.65, 0.325)):
        header = read_header(folder / f"results/e/segmentation/fields/labels/field{number}.tif")
        assert header.pixel_size_um == pytest.approx(given)


def test_what_the_sheet_says_stands_in_every_table(passed_over: tuple[Path, Run]) -> None:
    folder, run = passed_over
    assert run.code == 0, run.all
    results = folder / "results/e"
    tables = {
        "fields": ["objects.csv", "planes.csv", "skipped.csv"],
        "film": ["objects.csv", "planes.csv"],
    }
    paths = [(s, results / "segmentation" / s / name) for s in tables for name in tables[s]]
    tracking = results / "tracking/film"
    paths += [("film", tracking / name) for name in ("tracks.csv", "lineages.csv")]
    paths += [("film", path) for path in (tracking / "motility").glob("*.csv")]
    assert len(paths) == 5 + 2 + 8
    for sample, path in paths:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert list(table)[-2:] == ["well", "condition"], path
        for name, value in WELLS[sample].items():
            assert set(table[name]) <= {value}, path


def test_without_the_choice_all_broken_frames_are_told_at_once(
    finished: Path, tmp_path: Path
) -> None:
    frames = draw_frames(6).astype(np.float32)
    frames[[1, 4], 0, 0] = (np.nan, np.inf)
    frames[2] = 0
    save_movie(tmp_path / "film.tif", frames)
    write_config(
        tmp_path,
        [{"experiment": "e", "sample": "film", "images": "film.tif", "kind": "movie"}],
        models={"e": str(finished / "results/tiny/model")},
    )
    run = run_snakemake(tmp_path, "results/e/segmentation/film/labels.tif")
    assert run.code != 0
    # The dark one is not learned from: it only has no nuclei.
    assert len(run.errors) == 2
    for frame in (1, 4):
        line = find_one(run.errors, f"ERROR frame {frame} of film.tif: has 1 pixels that are NaN")
        assert "skip_unreadable: true" in line
    assert "Traceback" not in run.all


def test_frames_to_learn_from_that_are_dark_or_broken(tmp_path: Path) -> None:
    save_spoiled(tmp_path / "film.tif")
    row = {"experiment": "e", "sample": "film", "images": "film.tif", "kind": "movie"}
    write_config(tmp_path, [row | {"train": "all"}])
    run = run_snakemake(tmp_path, "--keep-going", "results/e/annotation/area_window.json")
    assert run.code != 0
    assert len(run.errors) == 2
    assert find_one(run.errors, "ERROR frame 1 of film.tif: all pixels have the value 0")
    assert find_one(run.errors, "ERROR frame 3 of film.tif: has 1 pixels that are NaN")
    assert "Traceback" not in run.all

    write_config(
        tmp_path, [row | {"train": "all"}], skip_unreadable=True, self_training={"rounds": 1}
    )
    run = run_snakemake(tmp_path, "results/e/model", "results/e/annotation/objects.csv")
    assert run.code == 0, run.all
    objects = read_table(tmp_path / "results/e/annotation/objects.csv", text=("sample", "verdict"))
    assert set(objects["frame"]) == {0, 2, 4}
    for frame in (DARK, BROKEN):
        path = tmp_path / f"logs/e/annotation/film/{frame:04d}/preprocess_image.log"
        assert f"not learned from: frame {frame} of film.tif: " in path.read_text()
    log = (tmp_path / "logs/e/rounds/0/train_model.log").read_text()
    assert "2 image(s) without a nucleus take no part" in log


def test_stills_with_given_masks_that_are_dark(tmp_path: Path) -> None:
    """Their masks are not learned from, and nothing else is held up."""
    frames = draw_frames(3)
    frames[1] = 0
    for number, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"field{number}.tif", frame)
        labels = draw_disks((96, 96), [(y + number, x) for y, x in GRID], 9)
        (tmp_path / "masks").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / f"masks/field{number}.tif", labels.astype(np.uint16))
    row = {"experiment": "e", "sample": "s", "images": "field*.tif", "kind": "stills"}
    write_config(tmp_path, [row | {"masks": "masks/*.tif"}], skip_unreadable=True)
    labels = [f"results/e/annotation/s/000{k}/training_labels.tif" for k in range(3)]
    run = run_snakemake(tmp_path, "--notemp", *labels)
    assert run.code == 0, run.all
    assert [bool(tifffile.imread(tmp_path / path).any()) for path in labels] == [True, False, True]


def test_what_was_read_is_told(passed_over: tuple[Path, Run]) -> None:
    folder, run = passed_over
    assert run.code == 0, run.all
    results = folder / "results/e"
    inputs = read_table(results / "provenance/inputs.csv").set_index("sample")
    assert inputs["read_as"].to_dict() == {"fields": "2 images", "film": "5 time points"}
    assert np.isnan(inputs.loc["fields", "pixel_size_um"])
    assert inputs["pixel_sizes_um"].to_dict() == {"fields": "0.325; 0.65", "film": "0.5"}
    assert np.isnan(read_table(results / "summary.csv")["pixel_size_um"][0])
    for page in ("summary.html", "summary_short.html"):
        text = (results / page).read_text()
        assert "<td>0.325 to 0.65 (" in text
        assert "1 image(s) of film could not be read" in text
    record = json.loads((results / "provenance/provenance.json").read_text())
    (still,) = [name for name in record["sha256"]["inputs"] if "field1" in name]
    digest = hashlib.sha256((folder / "field1.tif").read_bytes()).hexdigest()
    assert record["sha256"]["inputs"][still] == digest


def test_quality_and_counts_of_dark_and_broken_frames(passed_over: tuple[Path, Run]) -> None:
    folder, run = passed_over
    assert run.code == 0, run.all
    results = folder / "results/e"
    names = ["quality/images.csv", "figures/counts.csv", "summary.csv"]
    names += [f"quality/samples/{sample}/images.csv" for sample in WELLS]
    for name in names:
        assert list(read_table(results / name))[-2:] == ["well", "condition"], name
    for name, column in (("quality/images.csv", "n_nuclei"), ("figures/counts.csv", "predicted")):
        table = read_table(results / name, text=("sample", "image"))
        found = table.set_index(["sample", "frame"])[column]["film"]
        assert found[DARK] == 0
        assert found.index[found.isna()].tolist() == [BROKEN]
    verdict = json.loads((results / "quality/verdict.json").read_text())
    named = {finding["indicator"]: finding["images"] for finding in verdict["findings"]}
    assert named["failed_images"] == [["film", BROKEN]]
    assert named["empty_images"] == [["film", DARK]]

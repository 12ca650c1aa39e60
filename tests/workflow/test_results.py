"""One small run from raw images to metrics, and what it leaves behind."""

import json
import os
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.io
import tifffile
from skimage.measure import label, regionprops_table

from autonuclei.labels.matching import METRIC_COLUMNS
from autonuclei.labels.measurement import OBJECT_COLUMNS
from autonuclei.report.provenance import hash_files
from conftest import run_snakemake, write_config
from shapes import GRID


def test_everything_that_was_planned_is_there(finished: Path) -> None:
    results = finished / "results" / "tiny"
    for name in (
        "model/weights_best.h5",
        "model/scale.json",
        "model/config.json",
        "model/thresholds.json",
        "training/loss.csv",
        "training/loss.svg",
        "training/loss.png",
        "annotation/objects.csv",
        "annotation/area_window.json",
        "segmentation/fields/objects.csv",
        "segmentation/fields/skipped.csv",
        "segmentation/film/labels.tif",
        "segmentation/film/objects.csv",
        "evaluation/metrics.csv",
        "evaluation/summary.csv",
        "evaluation/f1_over_iou.svg",
        "evaluation/f1_over_iou.png",
        "quality/verdict.json",
        "quality/images.csv",
        "quality/calibration.csv",
        "quality/areas.png",
        "quality/indicators.svg",
        "tracking/film/tracks.csv",
        "figures/annotation_overlay.png",
        "figures/annotation_steps.png",
        "figures/counts.csv",
        "figures/counts.svg",
        "figures/comparison.png",
        "provenance/provenance.json",
        "provenance/config.yaml",
        "provenance/samples.tsv",
        "provenance/inputs.csv",
        "segmentation/film/overview.jpg",
        "segmentation/fields/overview.json",
        "summary.html",
        "summary_short.html",
        "summary.csv",
    ):
        assert (results / name).stat().st_size > 0, name
    left = [path for path in results.rglob("*") if ".partial" in path.name]
    assert not left
    # Intermediates that nobody needs later are gone.
    for name in ("training_image.tif", "training_labels.tif"):
        assert not list(results.rglob(name))
    assert not list(results.rglob("checkpoint.npz"))


def test_run_ends_by_saying_what_it_made(finished: Path) -> None:
    said = (finished / "said.txt").read_text()
    assert "nuclei in segmentation/fields/labels/, objects.csv" in said
    assert "segmentation: F1" in said
    assert "quality: " in said


def test_annotation_counts_the_drawn_nuclei(finished: Path) -> None:
    objects = pd.read_csv(finished / "results/tiny/annotation/objects.csv")
    assert objects.groupby("frame").size().to_dict() == {0: 9, 1: 9, 2: 9}
    assert set(objects["verdict"]) == {"accepted"}
    assert set(objects["sample"]) == {"fields"}
    assert objects["touches_border"].dtype == bool
    for frame in range(3):
        y, x = (objects.loc[objects["frame"] == frame, c].to_numpy() for c in ("y_px", "x_px"))
        order = np.lexsort((x, y.round(-1)))
        np.testing.assert_allclose(np.stack([y, x], axis=1)[order], GRID, atol=1)
    folder = finished / "results/tiny/annotation/fields"
    for frame in range(3):
        labels = skimage.io.imread(folder / f"{frame:04d}" / "labels.tif")
        assert np.unique(labels).tolist() == list(range(10))


def test_loss_has_a_row_per_epoch(finished: Path) -> None:
    history = pd.read_csv(finished / "results/tiny/training/loss.csv")
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["loss"].is_monotonic_decreasing
    assert (history["val_loss"] > 0).all()
    log = (finished / "logs/tiny/rounds/0/train_model.log").read_text()
    assert "device: CPU" in log
    assert "epoch 2/3: loss" in log
    assert " left" in log


@pytest.mark.parametrize("sample", ["fields", "film"])
def test_masks_and_tables_agree(finished: Path, sample: str) -> None:
    folder = finished / "results/tiny/segmentation" / sample
    objects = pd.read_csv(folder / "objects.csv")
    found_by = {"fields": (), "film": ("found_by",)}[sample]
    assert tuple(objects) == (*OBJECT_COLUMNS, *found_by)
    size = {"fields": 0.325, "film": 0.5}[sample]
    for frame in range(3):
        if sample == "fields":
            path, key = folder / "labels" / f"field{frame}.tif", None
            raw = tifffile.imread(finished / "raw" / f"field{frame}.tif")
        else:
            path, key = folder / "labels.tif", frame
            raw = tifffile.imread(finished / "raw" / "film.tif", key=frame)
        labels = tifffile.imread(path, key=key)
        labels = labels.reshape(labels.shape[-2:])
        assert labels.dtype == np.uint16
        assert labels.shape == raw.shape
        rows = objects[objects["frame"] == frame]
        assert sorted(np.unique(labels[labels > 0])) == rows["label"].tolist()
        for number in rows["label"]:
            assert label(labels == number, connectivity=1).max() == 1
        expected = regionprops_table(labels, raw, properties=["centroid", "area", "intensity_mean"])
        np.testing.assert_allclose(rows["y_px"], expected["centroid-0"], rtol=1e-5)
        np.testing.assert_allclose(rows["area_px"], expected["area"])
        np.testing.assert_allclose(rows["mean_intensity"], expected["intensity_mean"], rtol=1e-5)
    np.testing.assert_allclose(objects["x_um"], objects["x_px"] * size, rtol=1e-5)
    np.testing.assert_allclose(objects["area_um2"], objects["area_px"] * size**2, rtol=1e-5)
    by_network = objects["found_by"] != "image" if found_by else slice(None)
    assert objects.loc[by_network, "probability"].between(0, 1).all()
    with tifffile.TiffFile(path) as tif:
        numerator, denominator = tif.pages[0].tags["XResolution"].value
        assert denominator / numerator == pytest.approx(size, rel=1e-4)
        assert tif.imagej_metadata["unit"] == "um"


def test_drawn_nuclei_are_found(finished: Path) -> None:
    """Seconds of training are enough for bright disks."""
    metrics = pd.read_csv(finished / "results/tiny/evaluation/metrics.csv")
    assert tuple(metrics) == ("stage", "sample", "frame", *METRIC_COLUMNS, "truth_shift_px")
    assert (metrics["truth_shift_px"][metrics["stage"] == "segmentation"] == 0).all()
    assert len(metrics) == 2 * 2 * 10  # stages, images, thresholds
    summary = pd.read_csv(finished / "results/tiny/evaluation/summary.csv")
    half = summary[summary["iou"] == 0.5].set_index("stage")
    assert half["n_images"].tolist() == [2, 2]
    assert half["n_true"].tolist() == [18, 18]
    assert half.loc["annotation", "f1"] == 1
    assert half.loc["segmentation", "f1"] > 0.7
    pooled = metrics.groupby(["stage", "iou"])["true_positives"].sum()
    assert pooled.tolist() == summary["true_positives"].tolist()


def test_a_frame_without_a_nucleus_counts_zero(finished: Path) -> None:
    objects = pd.read_csv(finished / "results/tiny/segmentation/film/objects.csv")
    assert objects.groupby("frame").size().to_dict() == {0: 9, 1: 9}
    tracks = pd.read_csv(finished / "results/tiny/tracking/film/tracks.csv")
    assert len(tracks) == len(objects)


def test_quality_of_every_image_and_of_the_experiment(finished: Path) -> None:
    folder = finished / "results" / "tiny" / "quality"
    images = pd.read_csv(folder / "images.csv")
    assert images["sample"].tolist() == ["fields"] * 3 + ["film"] * 3
    annotated = (images["sample"] == "fields").to_numpy()
    assert (images["agreement_f1"].notna() == annotated).all()
    objects = pd.read_csv(finished / "results" / "tiny" / "annotation" / "objects.csv")
    accepted = objects[objects["verdict"] == "accepted"].groupby("frame").size()
    assert images["n_accepted"][annotated].tolist() == accepted.tolist()
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["verdict"] in ("good", "look", "unsuitable")
    found = {finding["indicator"]: finding for finding in verdict["findings"]}
    assert found["empty_images"]["images"] == [["film", 2]]
    assert found["n_training"]["value"] == accepted[:2].sum()


def test_provenance_names_what_made_the_results(finished: Path) -> None:
    record = json.loads((finished / "results/tiny/provenance/provenance.json").read_text())
    raw = {**record["sha256"]["inputs"]}
    assert {Path(name).name for name in raw} == {
        "field0.tif",
        "field1.tif",
        "field2.tif",
        "film.tif",
    }
    here = Path.cwd()
    os.chdir(finished)
    try:
        assert hash_files(raw) == raw
        assert hash_files(record["sha256"]["model"]) == record["sha256"]["model"]
    finally:
        os.chdir(here)
    assert record["seed"] == 42
    # Other threads would give other weights.
    threads = record["trained_on"]["threads"]
    assert f"snakemake --cores {threads} " in record["run_again"]
    assert record["settings"]["train"]["epochs"] == 3
    assert record["settings"]["annotate"]["split_distance"] == 0.75  # a default
    assert {"python", "snakemake", "stardist", "numpy"} <= set(record["versions"])
    commands = (finished / "logs/commands.log").read_text().splitlines()
    assert commands
    assert all("snakemake" in line for line in commands)
    samples = {sample["sample"]: sample for sample in record["samples"]}
    assert samples["fields"]["training_frames"] == [0, 1]
    assert samples["film"]["n_frames"] == 3


def test_the_command_of_the_provenance_has_nothing_left_to_do(finished_copy: Path) -> None:
    record = json.loads((finished_copy / "results/tiny/provenance/provenance.json").read_text())
    program, *arguments = shlex.split(record["run_again"])
    assert program == "snakemake"
    # The sheet of another day is none of its business.
    (finished_copy / "config/samples.tsv").unlink()
    run = run_snakemake(finished_copy, "-n", *arguments)
    assert run.code == 0, run.all
    assert "Nothing to be done" in run.all
    # It also makes the saved sheet again, from itself.
    sheet = finished_copy / "results/tiny/provenance/samples.tsv"
    saved = sheet.read_bytes()
    inputs = finished_copy / "results/tiny/provenance/inputs.csv"
    told = inputs.read_bytes()
    inputs.unlink()
    run = run_snakemake(finished_copy, "results/tiny/provenance/inputs.csv", *arguments)
    assert run.code == 0, run.all
    assert sheet.read_bytes() == saved
    assert inputs.read_bytes() == told


def test_a_model_from_before_gives_the_same_masks(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").symlink_to(finished / "raw")
    row = {"experiment": "new", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}
    write_config(tmp_path, [row], models={"new": str(finished / "results/tiny/model")})
    plan = run_snakemake(tmp_path, "-n", "--quiet", "rules")
    assert plan.jobs == dict.fromkeys(
        (
            "fit_scale",
            "predict_stretch",
            "write_stills",
            "measure_nuclei",
            "measure_quality",
            "judge_quality",
            "draw_segmentation",
            "draw_counts",
            "write_provenance",
            "make_summary",
        ),
        1,
    )
    targets = ("results/new/segmentation/s/labels", "results/new/quality/verdict.json")
    run = run_snakemake(tmp_path, *targets)
    assert run.code == 0, run.all
    verdict = json.loads((tmp_path / targets[1]).read_text())
    (agreement,) = [f for f in verdict["findings"] if f["indicator"] == "agreement_f1"]
    assert agreement["value"] is None
    assert "a model was given, so nothing was annotated" in agreement["meaning"]
    for number in range(3):
        ours = tmp_path / f"results/new/segmentation/s/labels/field{number}.tif"
        theirs = finished / f"results/tiny/segmentation/fields/labels/field{number}.tif"
        np.testing.assert_array_equal(tifffile.imread(ours), tifffile.imread(theirs))


def test_masks_from_before_are_learned_from(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").symlink_to(finished / "raw")
    (tmp_path / "truth").symlink_to(finished / "truth")
    row = {
        "experiment": "e",
        "sample": "s",
        "images": "raw/field*.tif",
        "kind": "stills",
        "masks": "truth/*.tif",
    }
    write_config(tmp_path, [row], preprocess={"scale": 0.5})
    folder = tmp_path / "results/e/annotation/s/0002"
    run = run_snakemake(tmp_path, "--notemp", f"{folder.relative_to(tmp_path)}/training_labels.tif")
    assert run.code == 0, run.all
    truth = tifffile.imread(finished / "truth/field2.tif")
    labels = tifffile.imread(folder / "training_labels.tif")
    assert labels.shape == (48, 48)
    assert tifffile.imread(folder / "training_image.tif").shape == (48, 48)
    np.testing.assert_array_equal(np.unique(labels), np.unique(truth))
    assert (labels > 0).sum() == pytest.approx((truth > 0).sum() / 4, rel=0.1)

"""Outlines of a movie and of stills for Fiji and QuPath, from masks that are given."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from autonuclei.io.hyperstack import write_image_movie
from conftest import run_snakemake, save_still, write_config
from shapes import GRID, draw_disks, photograph

SHEET = [
    {"experiment": "e", "sample": "film", "images": "raw/film.tif", "kind": "movie",
     "labels": "labels/film.tif"},
    {"experiment": "e", "sample": "fields", "images": "raw/field*.tif", "kind": "stills",
     "labels": "labels/field*.tif"},
]  # fmt: skip


def test_outlines_beside_the_masks(tmp_path: Path) -> None:
    masks = [
        draw_disks((96, 96), [(y + t, x) for y, x in GRID], 9).astype(np.uint16) for t in range(2)
    ]
    film = {"n_frames": 2, "pixel_size_um": 0.5, "frame_interval_min": 10}
    images = [photograph(mask, seed=number) for number, mask in enumerate(masks)]
    write_image_movie(tmp_path / "raw" / "film.tif", images, **film)
    write_image_movie(tmp_path / "labels" / "film.tif", masks, **film)
    for number in range(3):
        save_still(tmp_path / "raw" / f"field{number}.tif", number)
        field = draw_disks((96, 96), GRID, 8).astype(np.int32) * (number != 1)
        tifffile.imwrite(tmp_path / "labels" / f"field{number}.tif", field)
    write_config(tmp_path, SHEET)
    assert "export_outlines" not in run_snakemake(tmp_path, "-n").jobs
    write_config(tmp_path, SHEET, export={"outlines": "all"})
    assert run_snakemake(tmp_path, "-n").jobs["export_outlines"] == 2
    results = tmp_path / "results" / "e"
    folders = {name: results / "segmentation" / name / "outlines" for name in ("film", "fields")}
    run = run_snakemake(tmp_path, *(f"{path.relative_to(tmp_path)}" for path in folders.values()))
    assert run.code == 0, run.all
    for sample, own in (("film", ["film"]), ("fields", [f"field{number}" for number in range(3)])):
        names = {path.name for path in folders[sample].iterdir() if path.name[0] != "."}
        assert names == {f"{name}.{end}" for name in own for end in ("zip", "geojson")}
    tracks = pd.read_csv(results / "tracking" / "film" / "tracks.csv")
    names = {f"{row.frame + 1:04}-{row.label:04}-{row.track:04}" for row in tracks.itertuples()}
    with zipfile.ZipFile(folders["film"] / "film.zip") as archive:
        assert {name.removesuffix(".roi") for name in archive.namelist()} == names
    nuclei = pd.read_csv(results / "segmentation" / "fields" / "objects.csv")
    for number in range(3):
        text = (folders["fields"] / f"field{number}.geojson").read_text()
        features = json.loads(text)["features"]
        areas = [feature["properties"]["measurements"]["area_px"] for feature in features]
        assert areas == nuclei["area_px"][nuclei["frame"] == number].tolist()

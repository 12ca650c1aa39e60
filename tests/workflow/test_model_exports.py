"""The network of a finished run for other programs."""

import csv
import json
from pathlib import Path

import tifffile

from conftest import draw_project, run_snakemake, write_config


def test_network_for_other_programs(finished: Path, tmp_path: Path) -> None:
    draw_project(tmp_path)
    row = {"experiment": "e", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}
    models = {"e": str(finished / "results/tiny/model")}
    write_config(tmp_path, [row], models=models, export={"models": "all"})
    folder = tmp_path / "results" / "e" / "model_exports"
    run = run_snakemake(tmp_path, "results/e/model_exports")
    assert run.code == 0, run.all
    networks = ["e.onnx", "e_fiji.zip", "e_bioimage.zip"]
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {*networks, "e_fiji.ijm", "e_qupath.groovy", "checks.csv", "README.txt"}
    with (folder / "checks.csv").open() as file:
        checks = list(csv.DictReader(file))
    assert [row["file"] for row in checks] == networks
    assert all(row["agrees"] == "true" and int(row["n_nuclei"]) > 5 for row in checks)
    assert run_snakemake(tmp_path, "-n").jobs.get("export_model", 0) == 0
    write_config(tmp_path, [row], models=models, export={"models": ["fiji"]})
    assert run_snakemake(tmp_path, "-n").jobs["export_model"] == 1
    write_config(tmp_path, [row], models=models, export={"models": "none"})
    assert run_snakemake(tmp_path, "-n").jobs.get("export_model", 0) == 0


def test_given_model_on_images_of_another_size(finished: Path, tmp_path: Path) -> None:
    """Pixels are half as large, so that the scale of the model is twice too much."""
    model = finished / "results" / "tiny" / "model"
    own = json.loads((model / "scale.json").read_text())["network_px_per_image_px"]
    (tmp_path / "raw").mkdir()
    for path in sorted((finished / "raw").glob("field*.tif")):
        image = tifffile.imread(path).repeat(2, axis=0).repeat(2, axis=1)
        tifffile.imwrite(tmp_path / "raw" / path.name, image)
    row = {"experiment": "e", "sample": "s", "images": "raw/*", "kind": "stills"}
    write_config(tmp_path, [row], models={"e": str(model)})
    run = run_snakemake(tmp_path, "results/e/segmentation/s/objects.csv")
    assert run.code == 0, run.all
    fitted = tmp_path / "results" / "e" / "given_model"
    scale = json.loads((fitted / "scale.json").read_text())["network_px_per_image_px"]
    assert own / 2 / 1.5 < scale < own / 2 * 1.5
    assert (fitted / "scales.csv").read_text().startswith("scale,agreement\n")
    with (tmp_path / "results/e/segmentation/s/objects.csv").open() as file:
        found = len(list(csv.DictReader(file)))
    assert 22 <= found <= 32  # of 27

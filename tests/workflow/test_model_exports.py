"""The network of a finished run for other programs."""

import csv
import json
from pathlib import Path

import tifffile

from conftest import draw_project, run_snakemake, write_config


def test_export_for_fiji(finished: Path, tmp_path: Path) -> None:
    """As a zip, with a macro; it needs no library that training does not."""
    draw_project(tmp_path)
    write_config(
        tmp_path,
        [{"experiment": "e", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}],
        models={"e": str(finished / "results/tiny/model")},
        export={"models": ["fiji"]},
    )
    folder = tmp_path / "results" / "e" / "model_exports"
    run = run_snakemake(tmp_path, "results/e/model_exports")
    assert run.code == 0, run.all
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {"e_fiji.zip", "e_fiji.ijm", "checks.csv", "README.txt"}
    with (folder / "checks.csv").open() as file:
        (check,) = csv.DictReader(file)
    assert check["file"] == "e_fiji.zip"
    assert check["agrees"] == "true"
    # Not without being asked for: then it is made with the rest.
    assert run_snakemake(tmp_path, "-n").jobs.get("export_model", 0) == 0
    write_config(
        tmp_path,
        [{"experiment": "e", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}],
        models={"e": str(finished / "results/tiny/model")},
        export={"models": ["fiji", "qupath"]},
    )
    assert run_snakemake(tmp_path, "-n").jobs["export_model"] == 1


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

"""The network of a finished run for other programs."""

import csv
from pathlib import Path

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
    names = {path.name for path in folder.iterdir()}
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

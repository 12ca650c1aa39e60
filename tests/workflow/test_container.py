"""Each job runs in the image that the configuration names, with --sdm apptainer."""

import os
import shlex
import sys
from pathlib import Path

import tifffile

from conftest import draw_project, run_snakemake

# Stands in for Apptainer, which few machines have: notes the call, and does on this machine what
# the container would do.
ENGINE = """#!/bin/sh
if [ "$1" = --version ]; then echo apptainer version 1.3.0; exit; fi
echo "$@" >> {calls}
for command; do :; done
exec bash -c "$command"
"""


def test_jobs_run_in_the_image(tmp_path: Path) -> None:
    draw_project(tmp_path)
    (tmp_path / "autonuclei.sif").touch()
    config = tmp_path / "config" / "config.yaml"
    config.write_text(f"{config.read_text()}container: autonuclei.sif\n")
    calls = tmp_path / "calls.txt"
    engine = tmp_path / "bin" / "apptainer"
    engine.parent.mkdir()
    engine.write_text(ENGINE.format(calls=shlex.quote(str(calls))))
    engine.chmod(0o755)

    target = "results/tiny/annotation/fields/0000/image.tif"
    folders = [str(engine.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    path = f"PATH={os.pathsep.join(folders)}"
    run = run_snakemake(tmp_path, target, "--sdm", "apptainer", wrap=["env", path])
    assert run.code == 0, run.all
    assert tifffile.imread(tmp_path / target).shape == (96, 96)
    (call,) = calls.read_text().splitlines()
    assert "exec" in call.split()
    assert "autonuclei.sif" in call
    assert "preprocess_image.py" in call

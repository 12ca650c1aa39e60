"""The functions to begin with: docs/python.md shows them, and importing them costs nothing."""

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import autonuclei
from conftest import ROOT

HEAVY = ("numpy", "pandas", "scipy", "skimage", "matplotlib", "tensorflow", "tifffile")


def run_python(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", autonuclei.__all__)
def test_each_says_what_it_takes_and_gives(name: str) -> None:
    function = getattr(autonuclei, name)
    assert function.__name__ == name
    sections = re.findall(r"^(\w+)\n-+$", inspect.getdoc(function) or "", re.M)
    assert "Parameters" in sections
    if inspect.signature(function).return_annotation is not None:
        assert "Returns" in sections


@pytest.mark.parametrize("name", autonuclei.__all__)
def test_each_parameter_is_described(name: str) -> None:
    function = getattr(autonuclei, name)
    described = (inspect.getdoc(function) or "").partition("\nParameters\n")[2]
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^(\w+, )*{parameter}\b", described, re.M), parameter


def test_importing_the_package_imports_no_library(tmp_path: Path) -> None:
    code = (
        f"import sys, json, autonuclei; print(json.dumps([n for n in {HEAVY} if n in sys.modules]))"
    )
    assert json.loads(run_python(code, tmp_path)) == []


def test_an_unknown_name_is_refused_and_the_known_are_listed() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predict_cells'"):
        autonuclei.predict_cells  # noqa: B018
    assert set(autonuclei.__all__) <= set(dir(autonuclei))


def test_the_lines_of_the_page_work_as_they_stand(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    (lines,) = re.findall(r"^```python\n(.*?)^```$", page, re.S | re.M)
    seen = """
import json
frames = linked.tracks.groupby("track")["frame"].nunique()
print(json.dumps({
    "annotated": len(np.unique(annotation.nuclei)) - 1,
    "true": len(np.unique(truth)) - 1,
    "found": [int(labels.max()) for labels in masks],
    "rows": len(linked.tracks),
    "linked": int((frames == 2).sum()),
    "f1": metrics["f1"][0],
}))
"""
    result = json.loads(run_python(lines + seen, tmp_path))
    assert 0.8 * result["true"] < result["annotated"] <= 1.1 * result["true"]
    # A network that learned for seconds finds some of them, how many depends on the machine.
    assert min(result["found"]) > 20
    assert result["rows"] == sum(result["found"])
    assert result["linked"] > 0.5 * min(result["found"])
    assert 0 < result["f1"] <= 1
    assert {path.name for path in tmp_path.iterdir()} == {
        "model", "tracks.xml", "ctc", "tracks.geff",
    }  # fmt: skip
    assert f'nspots="{result["rows"]}"' in (tmp_path / "tracks.xml").read_text()

"""The device that is asked for, and models that cannot be used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autonuclei.errors import InputError
from autonuclei.train.networks import MODEL_FILES, SCALE_FILE, check_model_folder, read_scale


def test_complete_model_folder(tmp_path: Path) -> None:
    for name in MODEL_FILES:
        (tmp_path / name).touch()
    check_model_folder(tmp_path)


@pytest.mark.parametrize("missing", MODEL_FILES)
def test_incomplete_model_folder(tmp_path: Path, missing: str) -> None:
    for name in set(MODEL_FILES) - {missing}:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"{missing} is missing. Correct 'models'"):
        check_model_folder(tmp_path)


def test_scale_of_a_model(tmp_path: Path) -> None:
    assert read_scale(tmp_path) == 1  # a model from elsewhere
    (tmp_path / SCALE_FILE).write_text('{"network_px_per_image_px": 1.5}')
    assert read_scale(tmp_path) == 1.5
    for broken in ("", "{}", "[1]", '{"network_px_per_image_px": "much"}'):
        (tmp_path / SCALE_FILE).write_text(broken)
        with pytest.raises(InputError, match="does not say network_px_per_image_px"):
            read_scale(tmp_path)


def test_devices_and_broken_models(tmp_path: Path) -> None:
    """TensorFlow settles its devices once, so it gets a process of its own."""
    for name in MODEL_FILES:
        (tmp_path / name).write_text("{}")
    code = """
import json, sys
from autonuclei.errors import InputError
from autonuclei.train.networks import choose_device, load_model
said = {}
try:
    choose_device("gpu", 1)
except InputError as error:
    said["gpu"] = str(error)
said["auto"] = choose_device("auto", 1)
said["cpu"] = choose_device("cpu", 1)
try:
    load_model(sys.argv[1])
except InputError as error:
    said["model"] = str(error)
print("RESULT", json.dumps(said))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.split("RESULT ")[1])
    assert said["gpu"].startswith("train.device: is 'gpu', but TensorFlow sees no GPU")
    assert said["auto"].startswith("CPU (1 threads), TensorFlow")
    assert said["cpu"].startswith("CPU (1 threads), TensorFlow")
    assert said["model"].startswith(f"{tmp_path}: cannot be loaded as a StarDist 2D model")
    assert all("\n" not in line for line in said.values())

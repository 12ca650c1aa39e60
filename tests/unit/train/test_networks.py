"""The device that is asked for, and models that cannot be used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autonuclei.errors import InputError
from autonuclei.train.networks import (
    DEVICE_FILE,
    MODEL_FILES,
    SCALE_FILE,
    check_model_folder,
    read_device,
    read_scale,
)

CONFIG = {"n_dim": 2, "axes": "YXC", "n_rays": 8, "grid": [2, 2], "train_reduce_lr": {"factor": 1}}
THRESHOLDS = {"prob": 0.5, "nms": 0.4}


def write_files(folder: Path, *, config: object = CONFIG, thresholds: object = THRESHOLDS) -> None:
    """The files of a model, without weights."""
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "thresholds.json").write_text(json.dumps(thresholds))
    (folder / "weights_best.h5").touch()


def test_complete_model_folder(tmp_path: Path) -> None:
    write_files(tmp_path)
    check_model_folder(tmp_path)


@pytest.mark.parametrize("missing", MODEL_FILES)
def test_incomplete_model_folder(tmp_path: Path, missing: str) -> None:
    write_files(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=rf"{missing} is missing. Correct 'models'"):
        check_model_folder(tmp_path)


def test_scale_of_a_model(tmp_path: Path) -> None:
    assert read_scale(tmp_path) == 1  # a model from elsewhere
    (tmp_path / SCALE_FILE).write_text('{"network_px_per_image_px": 1.5}')
    assert read_scale(tmp_path) == 1.5


def test_device_of_a_model(tmp_path: Path) -> None:
    assert read_device(tmp_path) is None  # a model from elsewhere
    (tmp_path / DEVICE_FILE).write_text('{"device": "CPU", "threads": 2')
    with pytest.raises(InputError, match=f"^{tmp_path}/trained_on.json: is not JSON"):
        read_device(tmp_path)


@pytest.mark.parametrize("value", ["0", "-1", "1e-9", "NaN", "1e6", "Infinity", "true", '"much"'])
def test_scale_that_cannot_be_meant(tmp_path: Path, value: str) -> None:
    write_files(tmp_path)
    (tmp_path / SCALE_FILE).write_text(f'{{"network_px_per_image_px": {value}}}')
    said = f"^{tmp_path}/scale.json: does not say network_px_per_image_px, a number from .* to 64"
    with pytest.raises(InputError, match=said) as error:
        check_model_folder(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "{"])
def test_broken_file_of_the_scale(tmp_path: Path, text: str) -> None:
    (tmp_path / SCALE_FILE).write_text(text)
    with pytest.raises(InputError, match=r"scale\.json: .* Take the folder as it was written"):
        read_scale(tmp_path)


@pytest.mark.parametrize("prob", [None, -0.1, 1.1, float("nan"), "0.5"])
def test_thresholds_that_are_none(tmp_path: Path, prob: object) -> None:
    write_files(tmp_path, thresholds=THRESHOLDS | {"prob": prob})
    with pytest.raises(InputError, match=r"thresholds\.json: does not say prob, a number from 0"):
        check_model_folder(tmp_path)


def test_configuration_names_nothing_to_run(tmp_path: Path) -> None:
    """Keras makes an object of such a value, of any module it names."""
    function = {"module": "os", "class_name": "function", "config": "system"}
    for value in (function, [1, [function]]):
        write_files(tmp_path, config=CONFIG | {"unet_activation": value})
        with pytest.raises(InputError, match="'unet_activation' is neither a number nor a word"):
            check_model_folder(tmp_path)


def test_devices_and_models_that_are_none(tmp_path: Path) -> None:
    """TensorFlow settles its devices once, so it gets a process of its own."""
    code = """
import json, os, pickle, shutil, sys
from pathlib import Path
import h5py, keras, numpy as np
from autonuclei.errors import InputError
from autonuclei.settings import TrainSettings
from autonuclei.train.networks import build_model, choose_device, load_model, read_device
from autonuclei.train.networks import write_model
said = {}

def note(name, do):
    try:
        do()
        said[name] = "no error"
    except InputError as error:
        said[name] = str(error)

note("gpu", lambda: choose_device("gpu", 1))
said["auto"] = choose_device("auto", 1)
said["cpu"] = choose_device("cpu", 1)
folder = Path(sys.argv[1])
write_model(build_model(TrainSettings(rays=8)), {"prob": 0.5, "nms": 0.4}, 1.5, folder / "sound")

def change(name):
    shutil.copytree(folder / "sound", folder / name)
    return folder / name / "weights_best.h5"

note("sound", lambda: load_model(folder / "sound"))
said["trained on"] = read_device(folder / "sound")

weights = change("nan")
with h5py.File(weights, "r+") as file:
    kernels = []
    file.visit(lambda name: kernels.append(name) if name.endswith("kernel") else None)
    file[kernels[0]][...] = np.nan
note("nan", lambda: load_model(folder / "nan"))

weights = change("other")
shutil.copy(folder / "nan" / "weights_best.h5", weights.with_name("other_best.h5"))
os.utime(weights, (0, 0))
note("other", lambda: load_model(folder / "other"))

class Evil:
    def __reduce__(self):
        return (Path.touch, (folder / "ran",))

change("pickle").write_bytes(pickle.dumps(Evil()))
note("pickle", lambda: load_model(folder / "pickle"))

# A whole model, as Keras saves it, with code in a layer.
touch = f"lambda x: __import__('pathlib').Path({str(folder / 'ran')!r}).touch() or x"
network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
network.add(keras.layers.Lambda(eval(touch)))
(folder / "ran").unlink(missing_ok=True)
weights = change("lambda")
weights.unlink()
network.save(weights)
note("lambda", lambda: load_model(folder / "lambda"))

# The same beside weights that fit.
shutil.copytree(folder / "sound", folder / "hidden")
with h5py.File(weights) as source, h5py.File(folder / "hidden" / "weights_best.h5", "r+") as target:
    for key in ("model_config", "training_config"):
        if key in source.attrs:
            target.attrs[key] = source.attrs[key]
note("hidden", lambda: load_model(folder / "hidden"))
said["ran"] = (folder / "ran").exists()
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
    assert said.pop("ran") is False
    assert said["gpu"].startswith("train.device: is 'gpu', but TensorFlow sees no GPU")
    told = "CPU, 1 threads (the same seed gives the same weights with as many threads only), Tens"
    assert said["auto"].startswith(told)
    assert said["cpu"].startswith(told)
    assert said["trained on"]["threads"] == 1
    assert said["sound"] == said["other"] == said["hidden"] == "no error"
    assert "weights_best.h5: holds weights that are no numbers" in said["nan"]
    for name in ("pickle", "lambda"):
        assert said[name].startswith(f"{tmp_path / name}: cannot be loaded as a StarDist 2D model")
    assert all("\n" not in line for line in said.values())

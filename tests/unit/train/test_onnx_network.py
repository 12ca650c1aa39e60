"""Prediction in ONNX Runtime finds what TensorFlow finds, without TensorFlow."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autonuclei.annotate.preprocessing import normalize_image
from autonuclei.train.networks import BORDER, limit_threads, load_network
from autonuclei.train.onnx_network import OnnxNetwork, fits_weights
from model_examples import ExportedNetwork, export_examples

every_network = pytest.mark.parametrize("name", ["grid1", "grid2", "grid4", "mixed"])


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportedNetwork]:
    return export_examples(tmp_path_factory.mktemp("networks"), with_onnx=False)


def load(network: ExportedNetwork, scale: float = 1.0) -> OnnxNetwork:
    return OnnxNetwork(network.folder / "model", scale=scale, threads=1, border=BORDER)


@every_network
@pytest.mark.parametrize("tiles", [(1, 1), (2, 3), (50, 50)])
def test_the_nuclei_are_those_of_tensorflow(
    networks: dict[str, ExportedNetwork], name: str, tiles: tuple[int, int]
) -> None:
    own = networks[name].own
    image = normalize_image(networks[name].image)
    corners, found = load(networks[name]).find_polygons(image, tiles=tiles)
    assert len(found) > 3
    np.testing.assert_allclose(found, own["found"], atol=1e-4)
    np.testing.assert_allclose(corners, own["corners"], atol=1e-3)


def test_the_file_has_the_name_of_the_model(networks: dict[str, ExportedNetwork]) -> None:
    """Not the one that the folder has while it is written: two trainings give the same file."""
    text = (networks["grid2"].folder / "model" / "network.onnx").read_bytes()
    assert b'"name": "model"' in text
    assert b"partial" not in text


def test_sides_that_the_network_does_not_divide(networks: dict[str, ExportedNetwork]) -> None:
    image = normalize_image(networks["grid2"].image)[:91, :101]
    network = load(networks["grid2"])
    corners, found = network.find_polygons(image)
    tiled, again = network.find_polygons(image, tiles=(2, 2))
    np.testing.assert_allclose(corners, tiled, atol=1e-3)
    np.testing.assert_allclose(found, again, atol=1e-4)
    assert corners.mean(axis=2).min() >= 0
    assert (corners.mean(axis=2).max(axis=0) < (91 + 8, 101 + 8)).all()


def test_limits_of_probability_and_overlap(networks: dict[str, ExportedNetwork]) -> None:
    image = normalize_image(networks["grid2"].image)
    network = load(networks["grid2"])
    _, found = network.find_polygons(image)
    middle = float(np.median(found))
    _, fewer = network.find_polygons(image, minimum_probability=middle)
    assert fewer.min() > middle
    assert len(network.find_polygons(image, overlap=0.0)[1]) <= len(found)
    assert len(network.find_polygons(image, minimum_probability=1.0)[1]) == 0


@pytest.mark.parametrize("file", ["weights_best.h5", "thresholds.json", "config.json"])
def test_a_network_of_other_weights_is_not_used(
    networks: dict[str, ExportedNetwork], tmp_path: Path, file: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(networks["grid2"].folder / "model", folder)
    assert fits_weights(folder)
    with (folder / file).open("ab") as changed:
        changed.write(b" ")
    assert not fits_weights(folder)
    shutil.rmtree(folder)
    shutil.copytree(networks["grid2"].folder / "model", folder)
    (folder / "network.onnx").unlink()
    assert not fits_weights(folder)


def test_tensorflow_is_not_loaded(networks: dict[str, ExportedNetwork]) -> None:
    code = (
        "import sys, json, numpy as np\n"
        "from autonuclei.segment.prediction import predict_nuclei\n"
        "from autonuclei.train.networks import load_network\n"
        "network, words = load_network(sys.argv[1], device='cpu', threads=1)\n"
        "image = np.load(sys.argv[2])\n"
        "labels, _ = predict_nuclei(network, image, minimum_sharpness=None)\n"
        "print(json.dumps([words, int(labels.max()), 'tensorflow' in sys.modules]))\n"
    )
    folder = networks["grid2"].folder
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "model"), str(folder.parent / "image.npy")],
        capture_output=True,
        text=True,
        check=True,
    )
    words, n_nuclei, has_tensorflow = json.loads(done.stdout)
    assert words.startswith("CPU (1 threads), ONNX Runtime")
    assert n_nuclei > 0
    assert not has_tensorflow


def test_scale_of_the_model(networks: dict[str, ExportedNetwork], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(networks["grid1"].folder / "model", folder)
    (folder / "scale.json").write_text('{"network_px_per_image_px": 0.5}')
    network, _ = load_network(folder, device="cpu", threads=1)
    assert network.scale == 0.5


def test_threads_that_wait_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    limit_threads(3)
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"]) == ("3", "PASSIVE")

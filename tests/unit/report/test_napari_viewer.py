"""What napari is given; napari itself is not among the packages of the tests."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.tables import write_table
from autonuclei.report.napari_viewer import read_layers, show_layers

TRACKS = pd.DataFrame(
    {
        "track": [2, 1, 1, 3],
        "lineage": 1,
        "parent": [1, 0, 0, 1],
        "frame": [2, 0, 1, 2],
        "y_px": [5.0, 4.0, 4.5, 3.0],
        "x_px": [8.0, 6.0, 6.5, 4.0],
        "y_um": [2.5, 2.0, 2.25, 1.5],
        "x_um": [4.0, 3.0, 3.25, 2.0],
    }
)


def write_movie(folder: Path, tracks: pd.DataFrame = TRACKS) -> tuple[np.ndarray, np.ndarray]:
    labels = np.random.default_rng(0).integers(0, 9, (3, 20, 30)).astype(np.uint16)
    units = {"pixel_size_um": 0.5, "frame_interval_min": 5.0}
    segmented, tracked = folder / "e" / "segmentation" / "s", folder / "e" / "tracking" / "s"
    write_image_movie(segmented / "labels.tif", labels, n_frames=3, compress=True, **units)
    write_image_movie(tracked / "trackmate" / "s.tif", labels * 7, n_frames=3, **units)
    write_table(tracked / "tracks.csv", tracks)
    return labels, labels * 7


def test_a_movie_with_its_tracks(tmp_path: Path) -> None:
    labels, image = write_movie(tmp_path)
    layers = read_layers(tmp_path, "e", "s")
    np.testing.assert_array_equal(layers.labels, labels)
    np.testing.assert_array_equal(layers.image, image)
    assert layers.tracks.tolist() == [[1, 0, 4, 6], [1, 1, 4.5, 6.5], [2, 2, 5, 8], [3, 2, 3, 4]]
    assert layers.graph == {2: [1], 3: [1]}
    assert layers.scale == (0.5, 0.5)


def test_unknown_pixel_size_and_a_movie_without_nuclei(tmp_path: Path) -> None:
    write_movie(tmp_path, TRACKS.assign(x_um=np.nan, y_um=np.nan))
    assert read_layers(tmp_path, "e", "s").scale == (1.0, 1.0)
    write_movie(tmp_path, TRACKS[:0])
    assert read_layers(tmp_path, "e", "s").tracks.shape == (0, 4)


def test_stills_show_the_first(tmp_path: Path) -> None:
    labels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    path = tmp_path / "e" / "segmentation" / "s" / "labels" / "a.tif"
    write_image_movie(path, [labels], n_frames=1, pixel_size_um=None, frame_interval_min=None)
    layers = read_layers(tmp_path, "e", "s")
    np.testing.assert_array_equal(layers.labels, labels[None])
    assert layers.image is None


def test_results_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        read_layers(tmp_path, "e", "s")


def test_layers_in_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_movie(tmp_path)
    shown: dict[str, Any] = {}

    class Viewer:
        def __init__(self, title: str) -> None:
            shown["title"] = title

        def add_image(self, data: np.ndarray, **options: Any) -> None:
            shown["image"] = options["scale"]

        def add_labels(self, data: np.ndarray, **options: Any) -> None:
            shown["labels"] = (data.dtype, options["scale"])

        def add_tracks(self, data: np.ndarray, **options: Any) -> None:
            shown["tracks"] = (len(data), options["graph"])

    monkeypatch.setitem(sys.modules, "napari", SimpleNamespace(Viewer=Viewer))
    show_layers(read_layers(tmp_path, "e", "s"), "e: s")
    assert shown == {
        "title": "e: s",
        "image": (1.0, 0.5, 0.5),
        "labels": (np.dtype("int32"), (1.0, 0.5, 0.5)),
        "tracks": (4, {2: [1], 3: [1]}),
    }


def test_napari_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_movie(tmp_path)
    monkeypatch.setitem(sys.modules, "napari", None)
    with pytest.raises(InputError, match=r'pip install "napari\[all\]"'):
        show_layers(read_layers(tmp_path, "e", "s"), "e: s")

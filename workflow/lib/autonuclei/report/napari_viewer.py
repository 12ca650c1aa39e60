"""Results in napari: python -m autonuclei.report.napari_viewer RESULTS EXPERIMENT SAMPLE.

Image, masks and tracks on top of each other, to look at and to correct. napari is not among the
packages of this workflow: pip install "napari[all]".
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.tables import read_table


@dataclass(frozen=True)
class Layers:
    """What napari shows of a sample.

    Attributes
    ----------
    image : (frames, height, width) or None
        The movie as it was segmented; None for stills, which are files of their own.
    labels : (frames, height, width)
        Masks, or those of the first still.
    tracks : (n, 4) float
        Track, frame, row and column of each nucleus, as napari's tracks layer takes them; empty
        for stills.
    graph
        The mother of each track that has one, in a list.
    scale
        Micrometres per pixel, in rows and columns; 1 if unknown.
    """

    image: npt.NDArray[Any] | None
    labels: npt.NDArray[Any]
    tracks: npt.NDArray[np.float64]
    graph: Mapping[int, list[int]] = field(default_factory=dict)
    scale: tuple[float, float] = (1.0, 1.0)


def read_layers(results: Path, experiment: str, sample: str) -> Layers:
    """Read what there is of a sample.

    Raises
    ------
    InputError
        There are no masks of this sample in these results.
    """
    import tifffile

    segmented = results / experiment / "segmentation" / sample
    tracked = results / experiment / "tracking" / sample
    stills = sorted((segmented / "labels").glob("*.tif"))
    path = stills[0] if stills else segmented / "labels.tif"
    if not path.is_file():
        raise InputError(
            f"{path}: is not there. Give the folder of results, an experiment and a sample that "
            "were made, e.g. results mdck field1."
        )
    labels = tifffile.imread(path)
    labels = labels.reshape(-1, *labels.shape[-2:])
    if stills or not (tracked / "tracks.csv").is_file():
        return Layers(None, labels.astype(np.int32), np.zeros((0, 4)))
    table = read_table(tracked / "tracks.csv")
    movie = next(iter(sorted((tracked / "trackmate").glob("*.tif"))), None)
    image = None if movie is None else tifffile.imread(movie).reshape(labels.shape)
    return Layers(image, labels.astype(np.int32), *_list_tracks(table), _find_scale(table))


def _list_tracks(table: pd.DataFrame) -> tuple[npt.NDArray[np.float64], dict[int, list[int]]]:
    ordered = table.sort_values(["track", "frame"])
    first = ordered.drop_duplicates("track")
    born = first[first["parent"] > 0]
    pairs = born[["track", "parent"]].to_numpy(np.int64).tolist()
    graph = {track: [mother] for track, mother in pairs}
    return ordered[["track", "frame", "y_px", "x_px"]].to_numpy(np.float64), graph


def _find_scale(table: pd.DataFrame) -> tuple[float, float]:
    """Micrometres per pixel by the nucleus farthest to the right; 1 where unknown."""
    px, um = table["x_px"].to_numpy(np.float64), table["x_um"].to_numpy(np.float64)
    if not len(px) or not np.isfinite(um).all() or px.max() <= 0:
        return (1.0, 1.0)
    size = float(um[px.argmax()] / px.max())
    return (size, size)


def show_layers(layers: Layers, title: str) -> Any:
    """Open a window of napari with the layers; gives napari's viewer.

    Raises
    ------
    InputError
        napari is not installed.
    """
    try:
        import napari  # type: ignore[import-not-found, unused-ignore]
    except ModuleNotFoundError:
        raise InputError(
            "napari is not installed. Install it beside the packages of this workflow: "
            f'{sys.executable} -m pip install "napari[all]"'
        ) from None
    scale = (1.0, *layers.scale)
    viewer = napari.Viewer(title=title)
    if layers.image is not None:
        viewer.add_image(layers.image, name="image", scale=scale)
    viewer.add_labels(layers.labels, name="labels", scale=scale)
    if len(layers.tracks):
        viewer.add_tracks(layers.tracks, graph=dict(layers.graph), name="tracks", scale=scale)
    return viewer


def main() -> None:
    """Show a sample in napari until its window is closed."""
    parser = argparse.ArgumentParser(
        "python -m autonuclei.report.napari_viewer", description=__doc__
    )
    parser.add_argument("results", type=Path, help="folder of results, e.g. results")
    parser.add_argument("experiment")
    parser.add_argument("sample")
    given = parser.parse_args()
    try:
        layers = read_layers(given.results, given.experiment, given.sample)
        show_layers(layers, f"{given.experiment}: {given.sample}")
    except InputError as error:
        sys.exit(f"ERROR {error}")
    import napari

    napari.run()


if __name__ == "__main__":
    main()

"""Part of each image is used: all results are those of that part, as if there were no more."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from autonuclei.export.ctc import write_ctc
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.tables import read_table
from conftest import run_snakemake, write_config
from shapes import GRID, draw_disks, photograph

CROP = [30, 78, 0, 48]  # a quarter of 96 x 96
FILM = {"experiment": "e", "sample": "film", "images": "raw/film.tif", "kind": "movie",
        "labels": "labels/film.tif", "ground_truth": "labels/part.tif",
        "ground_truth_tracks": "tracks"}  # fmt: skip
FIELDS = {"experiment": "e", "sample": "fields", "images": "raw/field.tif", "kind": "stills",
          "labels": "labels/field.tif"}  # fmt: skip


def draw_project(folder: Path) -> np.ndarray:
    """A movie and a still with their masks; gives the masks of the movie."""
    masks = [draw_disks((96, 96), [(y + t, x) for y, x in GRID], 9) for t in range(3)]
    whole = np.stack(masks).astype(np.uint16)
    raw = [photograph(mask, seed=number) for number, mask in enumerate(whole)]
    film = {"n_frames": 3, "pixel_size_um": 0.5, "frame_interval_min": 10}
    write_image_movie(folder / "raw/film.tif", raw, **film)
    write_image_movie(folder / "labels/film.tif", whole, **film)
    # The same numbers in all frames: these masks are tracks.
    rows = [(t, n, n, 0) for t in range(3) for n in range(1, len(GRID) + 1)]
    tracks = pd.DataFrame(rows, columns=["frame", "label", "track", "parent"])
    write_ctc(folder / "tracks", tracks, labels=whole, n_frames=3)
    tifffile.imwrite(folder / "raw/field.tif", raw[0])
    tifffile.imwrite(folder / "labels/field.tif", whole[0])
    return whole


def test_a_quarter_has_the_results_of_the_quarter(tmp_path: Path) -> None:
    part = draw_project(tmp_path)[:, CROP[0] : CROP[1], CROP[2] : CROP[3]]
    tifffile.imwrite(tmp_path / "labels/part.tif", part, photometric="minisblack")
    write_config(tmp_path, [FILM, FIELDS], preprocess={"crop": CROP})
    results = tmp_path / "results/e"
    names = ("tracking/film/motility", "evaluation/metrics.csv", "segmentation/film/planes.csv",
             "evaluation/tracks_film.csv",
             "segmentation/fields/objects.csv", "tracking/film/trackmate/film.xml")  # fmt: skip
    run = run_snakemake(tmp_path, *(f"results/e/{name}" for name in names))
    assert run.code == 0, run.all
    assert "only rows 30 to 78 and columns 0 to 48 are used" in run.said

    np.testing.assert_array_equal(tifffile.imread(results / "segmentation/film/labels.tif"), part)
    objects = read_table(results / "segmentation/film/objects.csv")
    for frame, labels in enumerate(part):
        own = objects[objects["frame"] == frame].set_index("label")
        numbers, areas = np.unique(labels[labels > 0], return_counts=True)
        assert own["area_px"].to_dict() == dict(zip(numbers, areas, strict=True))
        edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        touches = set(own.index[own["touches_border"].astype(bool)])
        assert touches == set(np.unique(edge[edge > 0])) != set()

    density = pd.read_csv(results / "tracking/film/motility/frames.csv")["nuclei_per_mm2"]
    area_mm2 = 48 * 48 * 0.5**2 / 1e6
    n_nuclei = [len(np.unique(labels[labels > 0])) for labels in part]
    np.testing.assert_allclose(density, np.array(n_nuclei) / area_mm2)

    metrics = read_table(results / "evaluation/metrics.csv", text=("stage", "sample"))
    assert (metrics["f1"] == 1).all()
    of_tracks = read_table(results / "evaluation/tracks_film.csv").iloc[0]
    assert of_tracks["TRA"] == of_tracks["SEG"] == 1
    assert of_tracks["nuclei_true"] == sum(n_nuclei)
    image = tifffile.imread(results / "tracking/film/trackmate/film.tif")
    raw = tifffile.imread(tmp_path / "raw/film.tif")
    np.testing.assert_array_equal(image, raw[:, CROP[0] : CROP[1], CROP[2] : CROP[3]])
    planes = pd.read_csv(results / "segmentation/film/planes.csv")
    assert planes[["crop_y_px", "crop_x_px"]].to_numpy().tolist() == [[30, 0]] * 3
    stills = read_table(results / "segmentation/fields/objects.csv")
    assert stills["y_px"].max() < 48

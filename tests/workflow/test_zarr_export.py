"""A movie and stills that are OME-Zarr: planned, and their masks written as OME-Zarr."""

from pathlib import Path

import numpy as np
import tifffile
import zarr

from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.images import read_file_header, read_plane
from conftest import run_snakemake, save_still, write_config
from shapes import GRID, draw_disks, photograph


def test_masks_beside_and_above_their_image(tmp_path: Path) -> None:
    masks = [draw_disks((96, 96), GRID, 8 + number).astype(np.uint16) for number in range(3)]
    film = np.stack([photograph(mask, seed=number) for number, mask in enumerate(masks)])
    group = zarr.open_group(tmp_path / "raw" / "film.ome.zarr", zarr_format=2)
    # The other channel is dark.
    group.create_array("0", data=np.stack([film * 0, film], axis=1), chunks=(1, 1, 96, 96))
    types = {"t": "time", "c": "channel", "y": "space", "x": "space"}
    units = {"t": {"unit": "second"}, "y": {"unit": "micrometer"}, "x": {"unit": "micrometer"}}
    axes = [{"name": name, "type": types[name]} | units.get(name, {}) for name in types]
    scale = [{"type": "scale", "scale": [300.0, 1.0, 0.5, 0.5]}]
    dataset = {"path": "0", "coordinateTransformations": scale}
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
    for number in range(2):
        save_still(tmp_path / "raw" / f"field{number}.tif", number)
    rows = [
        {"sample": "film", "images": "raw/film.ome.zarr", "kind": "movie", "channel": "2"},
        {"sample": "fields", "images": "raw/field*.tif", "kind": "stills", "train": "1"},
    ]
    write_config(
        tmp_path, [row | {"experiment": "e"} for row in rows], export={"ome_zarr": "image"}
    )
    run = run_snakemake(tmp_path, "-n")
    assert run.code == 0, run.all
    assert run.jobs["export_ome_zarr"] == 2
    # The masks are given here, so that nothing is trained.
    folder = tmp_path / "results" / "e" / "segmentation"
    write_image_movie(
        folder / "film" / "labels.tif", masks, n_frames=3, pixel_size_um=0.5, frame_interval_min=5
    )
    (folder / "fields" / "labels").mkdir(parents=True)
    tifffile.imwrite(folder / "fields" / "labels" / "field1.tif", masks[1])
    targets = [f"results/e/segmentation/{name}/labels.ome.zarr" for name in ("film", "fields")]
    run = run_snakemake(tmp_path, *targets, "--allowed-rules", "export_ome_zarr")
    assert run.code == 0, run.all
    header = read_file_header(folder / "film" / "labels.ome.zarr").images[0]
    assert (header.pixel_size_um, header.frame_interval_min) == (0.5, 5.0)
    for frame in range(3):
        raw = read_plane(folder / "film" / "labels.ome.zarr", frame=frame)
        np.testing.assert_array_equal(raw, film[frame])
        labels = read_plane(folder / "film" / "labels.ome.zarr" / "labels" / "nuclei", frame=frame)
        np.testing.assert_array_equal(labels, masks[frame])
    # The still without masks was passed over.
    header_of_set = read_file_header(folder / "fields" / "labels.ome.zarr")
    assert [image.position for image in header_of_set.images] == ["field1"]

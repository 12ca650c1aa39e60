"""Large images are annotated in blocks, each an image of its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from autonuclei.annotate.pipeline import annotate_image
from autonuclei.io.images import read_image
from autonuclei.labels.blocks import list_blocks
from autonuclei.settings import AnnotateSettings
from conftest import run_snakemake, write_config
from shapes import draw_disks, photograph

SIDE = 128  # of blocks; those of the annotation have half of it
SHAPE = (384, 256)
# The nuclei are on both sides of borders between blocks; the last block has none.
PLACES = [(y, x) for y in range(16, 320, 32) for x in range(16, 256, 32)]
TRUTH = draw_disks(SHAPE, PLACES, 9)
IMAGE = photograph(TRUTH)
IMAGE[320:, 192:] = IMAGE.min()
ROW = {"experiment": "e", "sample": "s", "images": "mosaic.tif", "kind": "stills", "train": "all"}
BLOCKS = list_blocks(SHAPE, SIDE // 2)


def write_project(folder: Path, row: dict[str, str], **settings: Any) -> None:
    tifffile.imwrite(folder / "mosaic.tif", IMAGE, compression="zlib")
    tifffile.imwrite(folder / "truth.tif", TRUTH.astype(np.uint16), compression="zlib")
    write_config(folder, [ROW | row], preprocess={"block_px": SIDE}, **settings)


def test_blocks_in_the_dry_run(tmp_path: Path) -> None:
    write_project(tmp_path, {"ground_truth": "truth.tif"}, self_training={"rounds": 1})
    run = run_snakemake(tmp_path, "-n")
    assert run.code == 0, run.all
    assert "s: learned from 24 of the 24 blocks of 1 large image" in run.all
    for step in ("preprocess_image", "select_nuclei", "compose_training_pair", "check_annotation"):
        assert run.jobs[step] == len(BLOCKS) == 24
    assert "annotation/s/0000_23/labels.tif" in run.out
    assert "annotation/s/0000/" not in run.out


@pytest.mark.parametrize("number", [9, 23])
def test_block_is_an_image_of_its_own(tmp_path: Path, number: int) -> None:
    write_project(tmp_path, {"masks": "truth.tif"})
    folder = tmp_path / f"results/e/annotation/s/0000_{number:02d}"
    files = [folder / name for name in ("training_labels.tif", "objects.tif", "objects.csv")]
    run = run_snakemake(tmp_path, "--notemp", *(str(f.relative_to(tmp_path)) for f in files))
    assert run.code == 0, run.all
    part = BLOCKS[number].slices
    assert (read_image(folder / "image.tif") == IMAGE[part]).all()
    assert (read_image(folder / "masks.tif") == TRUTH[part]).all()
    learned = read_image(folder / "training_labels.tif")
    assert ((learned > 0) == (TRUTH[part] > 0)).all()
    # The settings are those of `conftest.TINY`.
    settings = AnnotateSettings(threshold_factor=1.0)
    found = annotate_image(IMAGE[part], settings).objects
    assert (read_image(folder / "objects.tif") == found).all()
    assert found.any() == (number == 9)
    rows = (folder / "objects.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == ({"0"} if number == 9 else set())

"""Files that were changed at random end in a value or in one line, in bounded memory and time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.images import read_file_header
from autonuclei.labels.matching import count_matches

TESTS = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", ["images", "labels", "tables"])
def test_a_thousand_changed_files(kind: str) -> None:
    """More of them, or others: ``python tests/fuzz.py KIND FIRST END``."""
    done = subprocess.run(
        [sys.executable, TESTS / "fuzz.py", kind, "0", "1000"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    )
    assert done.returncode == 0, done.stderr
    wrong = [json.loads(line) for line in done.stdout.splitlines()]
    assert not wrong, "\n".join(f"number {number}, {file}:\n{said}" for number, file, said in wrong)


IMAGE = np.arange(32 * 40, dtype=np.uint16).reshape(32, 40)
OME = """<?xml version="1.0"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">
<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="40" SizeY="32" SizeC="1"
SizeZ="1" SizeT="{n_frames}"><TiffData IFD="{page}"/></Pixels></Image></OME>"""


def refuse_header(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_file_header(path)
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said


def test_an_ome_text_that_claims_a_thousand_million_frames(tmp_path: Path) -> None:
    path = tmp_path / "claim.ome.tif"
    tifffile.imwrite(path, IMAGE, description=OME.format(n_frames=10**9, page=0), metadata=None)
    assert "it speaks of 1000000000 planes, but has 1" in refuse_header(path)
    tifffile.imwrite(path, IMAGE, description=OME.format(n_frames=500, page=0), metadata=None)
    header = read_file_header(path)  # a run that was stopped
    assert header.images[0].n_frames == 1
    tifffile.imwrite(path, IMAGE, description=OME.format(n_frames=1, page=-1), metadata=None)
    assert "names page 0, but it has 1" in refuse_header(path)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd"])
def test_a_plane_that_claims_more_than_its_bytes_can_hold(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "claim.tif"
    zeros = np.zeros((64, 64), np.uint8)
    tifffile.imwrite(path, zeros, compression=compression, metadata=None, rowsperstrip=64)
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name in ("ImageLength", "RowsPerStrip"):
            file.pages[0].tags[name].overwrite(2**22, dtype="I", erase=False)
    assert "bytes of pixels" in refuse_header(path)


def test_a_bomb_of_zeros_is_no_picture_but_may_be_an_empty_label_image(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    with tifffile.TiffWriter(path) as file:
        tile = np.zeros((4096, 4096), np.uint8)
        shape = (5 * 4096, 5 * 4096)
        file.write(
            (tile for _ in range(25)), shape=shape, dtype=np.uint8, tile=tile.shape,
            compression="zstd", metadata=None,
        )  # fmt: skip
    assert f"it claims {shape[0] * shape[1]} bytes of pixels" in refuse_header(path)
    assert read_file_header(path, as_stored=True).images[0].height == shape[0]


def test_large_numbers_of_nuclei_cost_no_memory() -> None:
    truth = np.zeros((20, 30), np.int32)
    truth[2:8, 2:8], truth[10:16, 10:16] = 2**31 - 1, 7
    counts = count_matches(truth, truth, (0.5,))
    assert counts["true_positives"].tolist() == [2]


def test_a_file_elsewhere_that_an_ome_text_names_counts_among_the_files(tmp_path: Path) -> None:
    """Snakemake must know that it is read."""
    folder = tmp_path / "set"
    folder.mkdir()
    tifffile.imwrite(tmp_path / "other.tif", IMAGE, metadata=None)
    text = OME.format(n_frames=2, page=0)
    runs = "".join(
        f'<TiffData IFD="0" FirstT="{t}"><UUID FileName="{name}">urn:uuid:{t}</UUID></TiffData>'
        for t, name in enumerate(("a.ome.tif", "../other.tif"))
    )
    text = text.replace('<TiffData IFD="0"/>', runs)
    tifffile.imwrite(folder / "a.ome.tif", IMAGE, description=text, metadata=None)
    header = read_file_header(folder / "a.ome.tif")
    assert [Path(name).resolve() for name in header.files] == [
        folder / "a.ome.tif",
        tmp_path / "other.tif",
    ]
    text = text.replace("../other.tif", "a&#10;b.tif")
    tifffile.imwrite(folder / "a.ome.tif", IMAGE, description=text, metadata=None)
    assert "'a b.tif' is missing" in refuse_header(folder / "a.ome.tif")

"""One field in the formats of many microscopes: the same masks, sizes and times as from TIFF."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import tifffile
import zarr

from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.images import read_header
from autonuclei.io.tables import FREE_COLUMNS, read_table
from conftest import Run, run_snakemake, write_config
from micro_manager import name_planes, write_mmstack
from shapes import GRID, draw_disks, photograph
from tests.unit.io.formats.test_deltavision import write_dv
from tests.unit.io.formats.test_leica import describe, folder, write_lif
from tests.unit.io.formats.test_nikon import position_loop, time_loop, write_nd2
from tests.unit.io.formats.test_olympus import write_oif
from tests.unit.io.formats.test_tiff_dialects import write_metaseries

Array = npt.NDArray[Any]
Row = dict[str, str]

N_POSITIONS, N_FRAMES, N_CHANNELS, SIDE = 2, 3, 2, 96
PIXEL_UM, INTERVAL_MIN = 0.325, 10.0
# The field that has the nuclei to compare, and their channel, from 0.
FIELD, NUCLEI = 1, 1


def draw_raw() -> Array:
    """Planes of (position, time, channel, y, x); the nuclei of each field differ, and move."""
    planes = np.zeros((N_POSITIONS, N_FRAMES, N_CHANNELS, SIDE, SIDE), np.uint16)
    for field, time, channel in np.ndindex(planes.shape[:3]):
        centres = [(y + time, x + 2 * field) for y, x in GRID[field + channel :]]
        labels = draw_disks((SIDE, SIDE), centres, 9)
        planes[field, time, channel] = photograph(labels, seed=100 * field + 10 * time + channel)
    return planes


def add_slices(raw: Array) -> Array:
    """Two z slices behind the channels, of which the maximum are these planes."""
    return np.stack([raw // 2, raw], axis=-3)


def write_imagexpress(folder: Path, raw: Array) -> Row:
    code = "4C8A9F0E-0A5B-4A4C-9F0E-0123456789AB"
    for field, time, channel in np.ndindex(raw.shape[:3]):
        place = folder / f"TimePoint_{time + 1}"
        place.mkdir(parents=True, exist_ok=True)
        name = f"P7_B0{field + 1}_s1_w{channel + 1}"
        write_metaseries(place / f"{name}{code}.TIF", raw[field, time, channel], "0.33")
        write_metaseries(place / f"{name}_thumb{code}.TIF", raw[field, time, channel, ::4, ::4])
    return {
        "sample": "imagexpress_{well}",
        "images": f"{folder}/TimePoint_{{time}}/{{plate}}_{{well}}_s{{site}}_w{{channel}}.TIF",
        "channel": "2",
    }


def write_operetta(folder: Path, raw: Array) -> Row:
    (folder / "Images").mkdir(parents=True)
    for field, time, channel, z in np.ndindex((*raw.shape[:3], 2)):
        name = f"r02c03f0{field + 1}p0{z + 1}-ch{channel + 1}sk{time + 1}fk1fl1.tiff"
        tifffile.imwrite(folder / "Images" / name, add_slices(raw)[field, time, channel, z])
    pattern = "r{row}c{column}f{site}p{z}-ch{channel}sk{time}fk1fl1.tiff"
    return {
        "sample": "operetta_{site}",
        "images": f"{folder}/Images/{pattern}",
        "channel": "2",
        "projection": "max",
    }


def write_cv8000(folder: Path, raw: Array) -> Row:
    folder.mkdir()
    for field, time, channel in np.ndindex(raw.shape[:3]):
        name = f"P8_C04_T{time + 1:04}F{field + 1:03}L01A0{channel + 1}Z01C0{channel + 1}.tif"
        tifffile.imwrite(folder / name, raw[field, time, channel])
    tifffile.imwrite(folder / "DC_sCMOS_cam1_405.tif", raw[0, 0, 0])  # a calibration
    return {
        "sample": "cv8000_{site}",
        "images": f"{folder}/{{plate}}_{{well}}_T{{time}}F{{site}}L*A*Z{{z}}C{{channel}}.tif",
        "channel": "2",
    }


def write_micro_manager(folder: Path, raw: Array) -> Row:
    for field, time, channel in np.ndindex(raw.shape[:3]):
        place = folder / f"Pos{field}"
        place.mkdir(parents=True, exist_ok=True)
        name = f"img_channel00{channel}_position00{field}_time00000000{time}_z000.tif"
        tifffile.imwrite(place / name, raw[field, time, channel])
    pattern = "Pos*/img_channel{channel}_position{site}_time{time}_z{z}.tif"
    return {"sample": "mm_{site}", "images": f"{folder}/{pattern}", "channel": "1"}


def write_stack(folder: Path, raw: Array) -> Row:
    folder.mkdir()
    path = folder / "run_MMStack_Default.ome.tif"
    summary = {
        "Positions": N_POSITIONS, "Frames": N_FRAMES, "Channels": N_CHANNELS, "Slices": 1,
        "PixelSize_um": PIXEL_UM, "Interval_ms": 60000 * INTERVAL_MIN, "ChNames": ["BF", "DAPI"],
    }  # fmt: skip
    write_mmstack(path, name_planes(raw, "ptc"), summary)
    return {"sample": "stack", "images": str(path), "channel": "DAPI", "position": "all"}


def write_ome_set(folder: Path, raw: Array) -> Row:
    """The first file has the description of all, as BinaryOnly in the others says."""
    folder.mkdir()
    blocks, images = "", ""
    for field in range(N_POSITIONS):
        for time in range(N_FRAMES):
            name = f"f{field}_t{time}.ome.tif"
            blocks += (
                f'<TiffData FirstT="{time}" IFD="0" PlaneCount="{N_CHANNELS}">'
                f'<UUID FileName="{name}">urn:uuid:{name}</UUID></TiffData>'
            )
        images += (
            f'<Image ID="Image:{field}" Name="{field}"><Pixels ID="Pixels:{field}" '
            f'DimensionOrder="XYCTZ" Type="uint16" SizeX="{SIDE}" SizeY="{SIDE}" SizeZ="1" '
            f'SizeC="{N_CHANNELS}" SizeT="{N_FRAMES}" PhysicalSizeX="{PIXEL_UM}" '
            f'PhysicalSizeY="{PIXEL_UM}" TimeIncrement="{INTERVAL_MIN}" TimeIncrementUnit="min">'
            f'<Channel ID="Channel:{field}:0" Name="BF"/><Channel ID="Channel:{field}:1" '
            f'Name="DAPI"/>{blocks}</Pixels></Image>'
        )
        blocks = ""
    space = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    for field, time in np.ndindex(raw.shape[:2]):
        name = f"f{field}_t{time}.ome.tif"
        inside = f'<BinaryOnly MetadataFile="f0_t0.ome.tif" UUID="urn:uuid:{escape("f0_t0")}"/>'
        inside = images if (field, time) == (0, 0) else inside
        tifffile.imwrite(
            folder / name,
            raw[field, time],
            description=f'<?xml version="1.0"?><OME {space} UUID="urn:uuid:{name}">{inside}</OME>',
            metadata=None,
            photometric="minisblack",
        )
    return {
        "sample": "set",
        "images": f"{folder}/f0_t0.ome.tif",
        "channel": "DAPI",
        "position": "all",
    }


def write_plate(path: Path, raw: Array) -> Row:
    listed = [{"path": str(field)} for field in range(N_POSITIONS)]
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.attrs["plate"] = {"rows": [], "columns": [], "wells": [{"path": "B/03"}]}
    zarr.open_group(path / "B/03", mode="w", zarr_format=2).attrs["well"] = {"images": listed}
    axes = [{"name": "t", "type": "time", "unit": "minute"}, {"name": "c", "type": "channel"}]
    axes += [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
    scale = {"type": "scale", "scale": [INTERVAL_MIN, 1, PIXEL_UM, PIXEL_UM]}
    levels = [{"path": "0", "coordinateTransformations": [scale]}]
    for field in range(N_POSITIONS):
        place = path / "B/03" / str(field)
        group = zarr.open_group(place, mode="w", zarr_format=2)
        group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
        zarr.create_array(place / "0", data=raw[field], chunks=(1, 1, 50, 50), zarr_format=2)
    return {"sample": "zarr_{position}", "images": str(path), "channel": "2", "position": "all"}


def write_nikon(path: Path, raw: Array) -> Row:
    planes = raw.transpose(1, 0, 3, 4, 2).reshape(-1, SIDE, SIDE, N_CHANNELS)
    loops = time_loop(N_FRAMES, 60000 * INTERVAL_MIN, position_loop(["left", "right"]))
    write_nd2(path, planes, loops, channels=[("BF", 1), ("DAPI", 1)], pixel_um=PIXEL_UM)
    return {"sample": "nd2", "images": str(path), "channel": "DAPI", "position": "all"}


def write_leica(path: Path, raw: Array) -> Row:
    seconds = [60 * INTERVAL_MIN * time for time in range(N_FRAMES)]
    series = [
        describe(
            f"Series00{field + 1}",
            raw[field],
            "TCYX",
            block=f"MemBlock_{field}",
            dyes=("BF", "DAPI"),
            lengths={"T": seconds[-1]},
        )
        for field in range(N_POSITIONS)
    ]
    xml = folder("project", *series)
    write_lif(path, xml, {f"MemBlock_{field}": raw[field].tobytes() for field in (0, 1)})
    return {"sample": "lif", "images": str(path), "channel": "DAPI", "position": "all"}


def write_zeiss(path: Path, raw: Array) -> Row:
    from tests.unit.io.formats.test_zeiss import write_czi

    tiles = [
        (raw[field, time, channel], {"C": channel, "T": time}, field, (200 * field, 0))
        for field, time, channel in np.ndindex(raw.shape[:3])
    ]
    scale = PIXEL_UM * 1e-6
    write_czi(path, tiles, channel_names={0: "BF", 1: "DAPI"}, scale_x=scale, scale_y=scale)
    return {
        "sample": "czi",
        "images": str(path),
        "channel": "DAPI",
        "position": "all",
        "frame_interval_min": str(INTERVAL_MIN),
    }


def write_deltavision(path: Path, raw: Array) -> Row:
    stack = add_slices(raw[FIELD]).transpose(0, 2, 1, 3, 4)
    seconds = [60 * INTERVAL_MIN * time for time in range(N_FRAMES)]
    size = (PIXEL_UM, PIXEL_UM)
    write_dv(path, stack, "TZC", pixel_um=size, waves=(0, 457), seconds=seconds)
    return {"sample": "dv", "images": str(path), "channel": "2", "projection": "max"}


def write_olympus(path: Path, raw: Array) -> Row:
    end = 60000 * INTERVAL_MIN * (N_FRAMES - 1)
    write_oif(path, raw[FIELD], "TCYX", pixel_um=(PIXEL_UM, PIXEL_UM), end_ms=end)
    return {"sample": "oif", "images": str(path), "channel": "2"}


# What is written, and the sample that has the field to compare.
FORMATS: dict[str, tuple[Callable[[Path, Array], Row], str]] = {
    "run7": (write_imagexpress, "imagexpress_B02"),
    "operetta": (write_operetta, "operetta_02"),
    "cv8000": (write_cv8000, "cv8000_002"),
    "mm": (write_micro_manager, "mm_001"),
    "stack": (write_stack, "stack_position-2"),
    "set": (write_ome_set, "set_1"),
    "plate.zarr": (write_plate, "zarr_B-03-1"),
    "a.nd2": (write_nikon, "nd2_right"),
    "a.lif": (write_leica, "lif_Series002"),
    "a.czi": (write_zeiss, "czi_Scene-2"),
    "a.dv": (write_deltavision, "dv"),
    "a.oif": (write_olympus, "oif"),
}
if find_spec("pylibCZIrw") is None:  # the extra 'czi'
    del FORMATS["a.czi"]
# Formats of files without a time or a size; the sheet says it.
BY_SHEET = ("run7", "operetta", "cv8000", "mm")


@pytest.fixture(scope="module")
def of_many_formats(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("formats")
    raw = draw_raw()
    write_image_movie(
        folder / "plain.tif",
        raw[FIELD, :, NUCLEI],
        n_frames=N_FRAMES,
        pixel_size_um=PIXEL_UM,
        frame_interval_min=INTERVAL_MIN,
    )
    rows = [{"sample": "plain", "images": "plain.tif", "condition": "none"}]
    for name, (write, _) in FORMATS.items():
        row = write(folder / name, raw) | {"condition": name}
        row["images"] = row["images"].removeprefix(f"{folder}/")
        if name in BY_SHEET:
            row |= {"pixel_size_um": str(PIXEL_UM), "frame_interval_min": str(INTERVAL_MIN)}
        rows.append(row)
    write_config(
        folder,
        [{"experiment": "e", "kind": "movie"} | row for row in rows],
        models={"e": str(finished / "results/tiny/model")},
        channels={"measure": "none"},
    )
    names = ["plain", *(sample for _, sample in FORMATS.values())]
    made = [f"results/e/segmentation/{name}/objects.csv" for name in names]
    return folder, run_snakemake(folder, *made)


def test_all_formats_are_read(of_many_formats: tuple[Path, Run]) -> None:
    _, run = of_many_formats
    assert run.code == 0, run.all


@pytest.mark.parametrize("name", FORMATS)
def test_masks_are_those_of_plain_files(of_many_formats: tuple[Path, Run], name: str) -> None:
    folder, _ = of_many_formats
    results = folder / "results" / "e" / "segmentation"
    sample = FORMATS[name][1]
    plain = tifffile.imread(results / "plain" / "labels.tif")
    assert plain.max() >= 6
    np.testing.assert_array_equal(tifffile.imread(results / sample / "labels.tif"), plain)
    header = read_header(results / sample / "labels.tif")
    assert (header.pixel_size_um, header.frame_interval_min) == (PIXEL_UM, INTERVAL_MIN)
    given, planes = (read_table(results / own / "planes.csv") for own in ("plain", sample))
    assert list(planes["sha256"]) == list(given["sha256"])
    expected, objects = (
        read_table(results / own / "objects.csv").drop(columns=list(FREE_COLUMNS), errors="ignore")
        for own in ("plain", sample)
    )
    assert expected["area_um2"].notna().all()
    pd.testing.assert_frame_equal(objects, expected, rtol=1e-12)
    columns = read_table(results / sample / "objects.csv")
    assert set(columns["condition"]) == {name}

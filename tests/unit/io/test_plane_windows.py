"""Part of a plane: the same pixels as in the whole, and no more read than it needs."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import zarr
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.formats import ome_zarr, tiff
from autonuclei.io.images import PlaneReader, open_image, read_plane

Array = npt.NDArray[Any]
WINDOW = (19, 50, 33, 64)
RNG = np.random.default_rng(3)


def draw(*shape: int, dtype: str = "uint16") -> Array:
    return RNG.integers(0, 255, shape).astype(dtype)


def write_zarr(path: Path, data: Array, axes: str, **options: Any) -> None:
    group = zarr.open_group(path, mode="w")
    group.create_array("0", data=data, **options)
    kinds = {"t": "time", "c": "channel", "y": "space", "x": "space"}
    listed = [{"name": axis, "type": kinds[axis]} for axis in axes]
    image = {"axes": listed, "datasets": [{"path": "0"}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}


def check_window(path: Path, **plane: Any) -> None:
    """Compare windows inside, of one pixel, in the corner and of all with the whole plane."""
    whole = read_plane(path, **plane)
    height, width = whole.shape
    windows = [WINDOW, (0, 1, 0, 1), (height - 3, height, width - 40, width), (0, height, 0, width)]
    with PlaneReader() as read:
        for window in windows:
            part = read(path, window=window, **plane)
            assert part.dtype == whole.dtype
            assert part.flags.c_contiguous
            row, end_row, column, end_column = window
            np.testing.assert_array_equal(part, whole[row:end_row, column:end_column])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"rowsperstrip": 7},
        {"rowsperstrip": 7, "compression": "zlib", "predictor": True},
        {"compression": "zstd"},
        {"tile": (32, 16)},
        {"tile": (32, 48), "compression": "lzw", "byteorder": ">"},
        {"tile": (16, 112)},
        {"bigtiff": True, "tile": (16, 16), "compression": "zlib", "predictor": True},
        {"photometric": "miniswhite"},
    ],
    ids=str,
)
def test_window_of_a_tiff(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(3, 70, 112), **{"photometric": "minisblack", **options})
    check_window(path, frame=1)


@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_window_of_a_tiff_of_another_type(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(70, 112, dtype=dtype) > 0, rowsperstrip=8)
    check_window(path)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("options", [{}, {"tile": (32, 32), "compression": "zlib"}], ids=str)
@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
def test_window_of_one_of_several_samples(
    tmp_path: Path, planar: str, options: dict[str, Any], photometric: str
) -> None:
    path = tmp_path / "a.tif"
    shape = (70, 112, 3) if planar == "contig" else (3, 70, 112)
    tifffile.imwrite(
        path, draw(*shape, dtype="uint8"), planarconfig=planar, photometric=photometric, **options
    )
    check_window(path, channel="2")


def test_window_of_a_jpeg_in_tiles(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = np.repeat(draw(80, 112, 1, dtype="uint8"), 3, 2)
    tifffile.imwrite(path, image, tile=(32, 32), compression="jpeg", photometric="rgb")
    check_window(path, channel="red")


@pytest.mark.parametrize("kind", ["imagej", "ome", "compressed imagej"])
@pytest.mark.parametrize("projection", ["max", "mean", "2"])
def test_window_of_a_projection(tmp_path: Path, kind: str, projection: str) -> None:
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    tifffile.imwrite(
        path,
        draw(2, 3, 2, 70, 112),
        imagej=kind != "ome",
        ome=kind == "ome",
        compression="zlib" if kind == "compressed imagej" else None,
        photometric="minisblack",
        metadata={"axes": "TZCYX"},
    )
    check_window(path, frame=1, channel="2", projection=projection)


@pytest.mark.parametrize("axes", ["tcyx", "xytc"])
@pytest.mark.parametrize("shards", [None, (2, 2, 64, 64)])
def test_window_of_an_ome_zarr(tmp_path: Path, axes: str, shards: tuple[int, ...] | None) -> None:
    path = tmp_path / "a.zarr"
    lengths = {"t": 4, "c": 2, "y": 70, "x": 112}
    sizes = {"t": 2, "c": 1, "y": 32, "x": 32}
    shards = shards and (shards if axes == "tcyx" else shards[::-1])
    chunks = tuple(sizes[a] for a in axes)
    write_zarr(path, draw(*(lengths[a] for a in axes)), axes, chunks=chunks, shards=shards)
    check_window(path, frame=3, channel="2")


def test_window_of_a_picture(tmp_path: Path) -> None:
    Image.fromarray(draw(70, 112, dtype="uint8")).save(tmp_path / "a.png")
    check_window(tmp_path / "a.png")


def test_window_that_is_no_part_of_the_image(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(70, 112))
    for window in ((0, 71, 0, 5), (-1, 5, 0, 5), (0, 5, 100, 113), (5, 5, 0, 9)):
        with pytest.raises(InputError, match=r"a\.tif: is 112 x 70 pixels, rows .* no part of it"):
            read_plane(path, window=window)


def test_what_is_passed_over_is_black_in_the_size_of_the_window(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = draw(70, 112, dtype="float32")
    image[60, 60] = np.nan
    tifffile.imwrite(path, image)
    black = read_plane(path, window=(40, 70, 40, 100), skip_broken=True)
    np.testing.assert_array_equal(black, np.zeros((30, 60), np.float32))
    # What lies outside of the window does not matter.
    part = read_plane(path, window=(0, 30, 40, 100), skip_broken=True)
    np.testing.assert_array_equal(part, image[:30, 40:100])


@pytest.mark.parametrize("kind", ["png", "tif", "zarr"])
def test_what_is_stored_in_one_piece_is_read_once_for_all_parts(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{kind}"
    image = draw(70, 112, dtype="uint8")
    if kind == "png":
        Image.fromarray(image).save(path)
    elif kind == "tif":
        tifffile.imwrite(path, image, compression="zlib", rowsperstrip=70)
    else:
        write_zarr(path, image, "yx", chunks=(70, 112))
    for module in (tiff, ome_zarr):
        monkeypatch.setattr(module, "LARGEST_PIECE_PX", 70 * 112 - 1)
    calls = []
    with open_image(path) as file:
        read = file.read

        def count(*given: Any, **where: Any) -> Array:
            calls.append(where)
            return read(*given, **where)

        monkeypatch.setattr(file, "read", count)
        for row in range(0, 70, 10):
            part = file.read_window(0, (row, row + 10, 5, 112), frame=0, z=0, channel=0)
            np.testing.assert_array_equal(part, image[row : row + 10, 5:])
    assert len(calls) == 1


SIDE = 10944  # 120 megapixels
CORNER = (5000, 6024, 7000, 8024)


def write_large(path: Path, kind: str) -> None:
    """An image of 120 megapixels that takes next to no place on the disk: all of it is zero."""
    if kind == "uncompressed TIFF":
        tifffile.imwrite(path, shape=(SIDE, SIDE), dtype="uint8")
    elif kind == "OME-Zarr":
        group = zarr.open_group(path, mode="w")
        array = group.create_array("0", shape=(SIDE, SIDE), dtype="uint8", chunks=(512, 512))
        row, end_row, column, end_column = CORNER
        array[row:end_row, column:end_column] = 7
        axes = [{"name": name, "type": "space"} for name in "yx"]
        group.attrs["ome"] = {
            "version": "0.5",
            "multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}],
        }
    else:
        layout = {"tile": (512, 512)} if kind == "tiled TIFF" else {"rowsperstrip": 64}
        tifffile.imwrite(
            path, np.zeros((SIDE, SIDE), np.uint8), photometric="minisblack", compression="zstd",
            compressionargs={"level": 1}, **layout,
        )  # fmt: skip


@pytest.mark.parametrize("kind", ["uncompressed TIFF", "tiled TIFF", "TIFF in strips", "OME-Zarr"])
def test_a_window_of_120_megapixels_takes_the_memory_of_the_window(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / ("a.zarr" if kind == "OME-Zarr" else "a.tif")
    write_large(path, kind)
    read_plane(path, window=(0, 1, 0, 1))  # what is loaded once stays out of the measurement
    tracemalloc.start()
    part = read_plane(path, window=CORNER)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.shape == (1024, 1024)
    assert (part == (7 if kind == "OME-Zarr" else 0)).all()
    # Rows of full width are read of an uncompressed file: 11 MB.
    assert peak < 16e6

import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.hyperstack import write_image_movie

UNITS = {"pixel_size_um": 0.325, "frame_interval_min": 10.0}


def read(path):
    with tifffile.TiffFile(path) as tif:
        resolution = tif.pages.first.tags["XResolution"].value
        return tif.asarray(), tif.imagej_metadata, tif.series[0].axes, resolution


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("compress", [False, True])
def test_type_and_values_are_kept(tmp_path, dtype, compress):
    movie = np.arange(3 * 5 * 4).reshape(3, 5, 4).astype(dtype)
    path = tmp_path / "movie.tif"
    written = write_image_movie(path, iter(movie), n_frames=3, compress=compress, **UNITS)
    image, metadata, axes, resolution = read(path)
    assert written == image.dtype == dtype
    assert np.array_equal(image, movie)
    assert axes == "TYX"
    assert metadata["frames"] == 3
    assert metadata.get("slices", 1) == 1
    assert metadata["unit"] == "um"
    assert metadata["finterval"] == 10
    assert metadata["tunit"] == "min"
    assert resolution[1] / resolution[0] == pytest.approx(0.325, rel=1e-6)


def test_unknown_units_are_pixel_and_frame(tmp_path):
    path = tmp_path / "movie.tif"
    movie = np.zeros((2, 5, 5), np.uint8)
    write_image_movie(path, movie, n_frames=2, pixel_size_um=None, frame_interval_min=None)
    _, metadata, _, resolution = read(path)
    assert (metadata["unit"], metadata["finterval"], metadata["tunit"]) == ("pixel", 1, "frame")
    assert resolution == (1, 1)


def test_one_frame(tmp_path):
    path = tmp_path / "movie.tif"
    write_image_movie(path, [np.ones((4, 6), np.uint8)], n_frames=1, **UNITS)
    image, metadata, _, _ = read(path)
    assert image.shape == (4, 6)
    assert metadata["images"] == 1


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([[True, False]]), np.uint8),
        (np.array([[-3, 70000]], np.int32), np.float32),
        (np.array([[0.25, 1e6]], np.float64), np.float32),
    ],
)
def test_other_types_keep_their_values(tmp_path, values, dtype):
    path = tmp_path / "movie.tif"
    assert write_image_movie(path, [values], n_frames=1, **UNITS) == dtype
    assert np.array_equal(read(path)[0].reshape(1, 2), values.astype(dtype))


@pytest.mark.parametrize(
    ("frames", "n_frames", "message"),
    [
        ([], 0, "no frames"),
        ([np.zeros((3, 3, 3), np.uint8)], 1, "height, width"),
        ([np.zeros((3, 3), np.uint8), np.zeros((3, 4), np.uint8)], 2, "one size"),
        ([np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint16)], 2, "one size"),
        ([np.zeros((3, 3), np.uint8)] * 2, 3, "announced"),
        ([np.zeros((3, 3), np.uint8)] * 3, 2, "announced"),
        ([np.full((3, 3), 2**24 + 1, np.int64)], 1, "exactly"),
    ],
)
def test_bad_movies_are_refused_and_leave_nothing(tmp_path, frames, n_frames, message):
    with pytest.raises(InputError, match=message):
        write_image_movie(tmp_path / "movie.tif", frames, n_frames=n_frames, **UNITS)
    assert list(tmp_path.iterdir()) == []

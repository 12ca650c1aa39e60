"""The example's data: images fit their masks, and a second call only writes what is missing."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autonuclei.io.images import check_pixels, is_label_image, read_header, read_plane
from autonuclei.io.label_images import read_label_image

ROOT = Path(__file__).resolve().parents[3]


def write(folder: Path) -> str:
    command = [sys.executable, "-m", "autonuclei.example", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "data"
    assert f"{folder}: wrote nuclei-train.tif, nuclei-train-masks.tif" in write(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "n_frames"), [("nuclei-train.tif", 3), ("nuclei-test.tif", 1), ("movie.tif", 30)]
)
def test_images_fit_their_masks(folder: Path, name: str, n_frames: int) -> None:
    masks = folder / name.replace(".tif", "-masks.tif")
    header = read_header(folder / name)
    assert (header.height, header.width, header.n_frames) == (256, 256, n_frames)
    assert read_header(masks).n_frames == n_frames
    for frame in range(0, n_frames, 10):
        image = read_plane(folder / name, frame=frame)
        check_pixels(image, name)
        labels = read_label_image(masks, frame)
        assert labels.shape == image.shape
        assert is_label_image(labels)
        assert len(np.unique(labels)) > 10
        assert image[labels > 0].mean() > 1.5 * image[labels == 0].mean()


def test_units_are_in_the_movie_only(folder: Path) -> None:
    movie, stills = read_header(folder / "movie.tif"), read_header(folder / "nuclei-train.tif")
    assert (movie.pixel_size_um, movie.frame_interval_min) == (0.5, 5)
    assert (stills.pixel_size_um, stills.frame_interval_min) == (None, None)


def test_tracks_are_those_of_the_movie(folder: Path) -> None:
    rows = np.loadtxt(folder / "movie-tracks" / "man_track.txt", dtype=int)
    files = sorted((folder / "movie-tracks").glob("*.tif"))
    assert len(files) == read_header(folder / "movie.tif").n_frames
    for frame, path in enumerate(files):
        labels = np.unique(read_plane(path))
        present = rows[(rows[:, 1] <= frame) & (frame <= rows[:, 2]), 0]
        np.testing.assert_array_equal(labels[labels > 0], np.sort(present))


def test_only_what_is_missing_is_written_and_it_is_the_same(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.glob("*.tif")}
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert write(folder).endswith(": all is there\n")
    (folder / "movie.tif").write_bytes(before["movie.tif"][:-1000])
    (folder / "nuclei-test-masks.tif").write_bytes(before["nuclei-test-masks.tif"][:-1000])
    (folder / "nuclei-train.tif").unlink()
    written = ["nuclei-train.tif", "nuclei-test-masks.tif", "movie.tif"]
    assert write(folder).endswith(f": wrote {', '.join(written)}\n")
    assert {path.name: path.read_bytes() for path in folder.glob("*.tif")} == before
    for path in folder.iterdir():
        assert (path.stat().st_mtime_ns == times[path.name]) == (path.name not in written)


def test_folder_that_cannot_be_written_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "autonuclei.example", str(tmp_path / "file" / "data")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR ") and len(done.stderr.splitlines()) == 1


def test_make_clean_removes_the_example_and_nothing_of_a_user(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = ["config/example/config.yaml", "logs/a.log", "results/a.csv", ".snakemake/metadata/a"]
    for name in [*kept, "example/data/movie.tif", "example/results/a.csv", "example/report.html"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*kept, "Makefile"}

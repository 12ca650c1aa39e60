"""A file is whole or not there."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.io.files import check_temporary_folder, stamp_files, write_beside
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.images import write_image
from autonuclei.io.tables import write_table


def test_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.csv"
    with write_beside(path) as partial:
        partial.write_text("whole")
        assert not path.exists()
        assert partial.suffix == ".csv"
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for text in ("first", "second"):
        with write_beside(path) as partial:
            partial.mkdir()
            (partial / "a").write_text(text)
        assert (path / "a").read_text() == text
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), SystemExit(1)])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_crash_leaves_what_was_there(tmp_path: Path, error: BaseException, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "file":
        path.write_text("old")
    else:
        path.mkdir()
        (path / "a").write_text("old")
    with pytest.raises(type(error)), write_beside(path) as partial:
        if kind == "file":
            partial.write_text("half")
        else:
            partial.mkdir()
            (partial / "a").write_text("half")
        raise error
    assert (path if kind == "file" else path / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from autonuclei.io.files import stamp_files, write_beside
with write_beside(sys.argv[1]) as partial:
    if sys.argv[2] == "file":
        partial.write_text("half")
    else:
        partial.mkdir()
        (partial / "a").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a [1].npz"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), kind],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    left = list(tmp_path.iterdir())
    assert len(left) == 1
    # Of other results; their jobs may still be writing.
    others = [tmp_path / f".{name}.17.partial.npz" for name in ("a", "a [1].b", "a 1")]
    others += [tmp_path / ".a [1].17.partial.csv", tmp_path / ".a [1].17.partial.npz.csv"]
    for other in others:
        other.touch()
    with write_beside(path) as partial:
        assert not left[0].exists()
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_told_in_one_line(tmp_path: Path, code: int) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(InputError) as error, write_beside(path) as partial:
        partial.write_text("half")
        raise OSError(code, os.strerror(code))
    assert str(error.value).startswith(f"{path}: the disk is full")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_full_temporary_folder_is_not_taken_for_that_of_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries do not say which of their files could not be written."""
    temporary, results = tmp_path / "temporary", tmp_path / "results"
    for folder in (temporary, results):
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    for full, named in ((temporary, temporary), (results, results / "model")):
        room = {full: 4096}
        monkeypatch.setattr(
            "shutil.disk_usage", lambda path, room=room: SimpleNamespace(free=room.get(path, 10**9))
        )
        with (
            pytest.raises(InputError, match=f"^{named}: the disk is full"),
            write_beside(results / "model"),
        ):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_place_that_may_not_be_written_is_told_in_one_line(tmp_path: Path, code: int) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(InputError) as error, write_beside(path) as partial:
        raise OSError(code, os.strerror(code), str(partial))
    assert "may not be written" in str(error.value)
    assert "\n" not in str(error.value)
    # An input that may not be read is another matter.
    with pytest.raises(OSError, match="elsewhere"), write_beside(path):
        raise OSError(code, os.strerror(code), "/elsewhere/image.tif")


def test_a_full_disk_behind_another_error_is_told(tmp_path: Path) -> None:
    """Libraries raise errors of their own while they clean up."""
    with (
        pytest.raises(InputError, match="/elsewhere/temporary: the disk is full"),
        write_beside(tmp_path / "a.tif"),
    ):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere/temporary")
        finally:
            raise ValueError("file is closed")


def test_the_copy_is_named_and_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error, write_beside(tmp_path / "model") as folder:
        copy = str(folder / "loss.csv")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere/loss.csv", None, copy)
    assert str(error.value).startswith(f"{tmp_path}/model/loss.csv: the disk is full")


def test_bytes_are_on_the_disk_before_the_file_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves of the others what it likes."""
    synced: list[str] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        assert not (tmp_path / "model").exists()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with write_beside(tmp_path / "model") as folder:
        (folder / "inside").mkdir(parents=True)
        (folder / "inside" / "weights.h5").write_text("1")
        write_table(folder / "loss.csv", pd.DataFrame({"a": [1]}))
        assert not synced  # at once at the end
    assert sorted(synced) == ["loss.csv", "weights.h5"]


def test_other_errors_of_the_system_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), write_beside(tmp_path / "a.csv") as partial:
        (partial / "not there").read_text()


@pytest.mark.parametrize("kind", ["image", "movie", "table"])
def test_writers_say_that_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """/dev/full takes the place of the partial file: every write to it fails."""
    image = np.random.default_rng(0).integers(0, 60000, (256, 256)).astype(np.uint16)
    real_open = os.open

    def open_full(path: str, flags: int, *more: int, **options: int) -> int:
        full = ".partial" in str(path) and flags & (os.O_WRONLY | os.O_RDWR)
        return real_open("/dev/full" if full else path, flags, *more, **options)

    import builtins

    opened = builtins.open

    def open_file(file: object, mode: str = "r", *more: object, **options: object) -> object:
        full = ".partial" in str(file) and any(letter in mode for letter in "wax+")
        if full:
            mode = mode.replace("x", "w")
        return opened("/dev/full" if full else file, mode, *more, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", open_file)
    monkeypatch.setattr("io.open", open_file)
    monkeypatch.setattr("os.open", open_full)
    path = tmp_path / {"table": "a.csv"}.get(kind, "a.tif")
    with pytest.raises(InputError, match="the disk is full"):
        if kind == "image":
            write_image(path, image)
        elif kind == "movie":
            write_image_movie(
                path, [image], n_frames=1, pixel_size_um=None, frame_interval_min=None
            )
        else:
            write_table(path, pd.DataFrame({"a": image.ravel()}))
    assert not path.exists()


def test_full_disk_while_making_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdir(self: Path, **options: bool) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(InputError, match="the disk is full"), write_beside(tmp_path / "b" / "a"):
        pass


def test_files_of_a_new_folder_are_not_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would cost in proportion to those before it."""
    listed: list[str] = []
    scandir = os.scandir

    def note(path: str) -> Iterator[os.DirEntry[str]]:
        listed.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", note)
    with write_beside(tmp_path / "labels") as folder:
        folder.mkdir()
        for number in range(3):
            with write_beside(folder / f"{number}.tif") as partial:
                partial.touch()
    # Once for what is left of others, and once to have the whole folder on the disk.
    assert len(listed) == 2
    monkeypatch.undo()
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == [
        f"{number}.tif" for number in range(3)
    ]


def test_stamps_differ_when_a_file_was_replaced_by_one_of_the_same_second(tmp_path: Path) -> None:
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    for number, file in enumerate((path, other)):
        file.write_bytes(bytes([number]))
        os.utime(file, ns=(0, 1_700_000_000_000_000_000 + number))
    first = stamp_files([path])
    shutil.copy2(other, path)
    assert stamp_files([path]) == stamp_files([other]) != first


def test_stamps_of_folders_see_a_chunk_that_was_written_over(tmp_path: Path) -> None:
    chunk = tmp_path / "a.zarr" / "0" / "c" / "0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"first")
    (chunk.parent / "circle").symlink_to(tmp_path)
    (chunk.parent / "broken").symlink_to("nothing")
    first = stamp_files([tmp_path / "a.zarr"])
    assert stamp_files([tmp_path / "a.zarr"]) == first
    folder = chunk.parent.stat()
    chunk.write_bytes(b"other")
    os.utime(chunk, (1, 1))
    assert chunk.parent.stat().st_mtime_ns == folder.st_mtime_ns
    assert stamp_files([tmp_path / "a.zarr"]) != first


def test_a_temporary_folder_that_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    check_temporary_folder()
    assert not list(tmp_path.iterdir())

    def refuse(**_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(InputError, match=f"^{tmp_path}: the folder for .* TMPDIR=FOLDER.$") as full:
        check_temporary_folder()
    assert "\n" not in str(full.value)
    monkeypatch.undo()
    monkeypatch.setenv("TMPDIR", f"{tmp_path}/gone")
    with pytest.raises(InputError, match=r"gone: the folder for .* \(No such file or directory\)"):
        check_temporary_folder()

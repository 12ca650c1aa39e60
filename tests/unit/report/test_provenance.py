"""Versions, checksums and the commit of the workflow."""

import hashlib
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.io.files import stamp_files
from autonuclei.report.provenance import (
    check_stamps,
    find_commit,
    hash_files,
    hash_inputs,
    list_versions,
    quote_command,
)


def test_versions_of_what_is_installed() -> None:
    versions = list_versions()
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == np.__version__
    assert {"snakemake", "stardist", "scikit-image", "tifffile"} <= set(versions)


def test_checksums_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b ä.tif", "a.tif"):
        (tmp_path / name).write_text(name)
    files = [tmp_path / "b ä.tif", str(tmp_path / "a.tif"), tmp_path / "a.tif"]
    sums = hash_files(files)
    assert list(sums) == [str(tmp_path / "a.tif"), str(tmp_path / "b ä.tif")]
    assert sums[str(tmp_path / "a.tif")] == hashlib.sha256(b"a.tif").hexdigest()


def test_commit_of_a_checkout(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        names = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(tmp_path), *names, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    (tmp_path / "inside").mkdir()
    assert find_commit(tmp_path / "inside") is None
    git("init")
    (tmp_path / "a").write_text("1")
    git("add", ".")
    git("commit", "-m", "one")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "inside").mkdir(exist_ok=True)
    assert find_commit(tmp_path / "inside") == commit
    (tmp_path / "a").write_text("2")
    assert find_commit(tmp_path) == f"{commit}+changes"
    assert find_commit(tmp_path / "not there") is None


def test_checksum_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a.zarr/0").mkdir(parents=True)
    (tmp_path / "a.zarr/zarr.json").write_text("{}")
    (tmp_path / "a.zarr/0/0").write_bytes(b"pixels")
    command = "find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path / "a.zarr", capture_output=True, text=True, check=True
    )
    assert list(hash_files([tmp_path / "a.zarr"]).values()) == [done.stdout.split()[0]]


def test_checksums_are_of_the_files_that_the_run_was_planned_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    path.write_text("one")
    stamps = {str(path): stamp_files([path])}
    assert hash_inputs(stamps) == hash_files([path])

    def replace() -> None:
        path.write_text("two")
        os.utime(path, (1000, 1000))  # an older one, as cp -p leaves it

    real = hashlib.file_digest

    def digest_and_replace(*arguments: Any) -> Any:
        found = real(*arguments)
        replace()
        return found

    said = r"a\.tif: was replaced or removed while this run went on"
    with monkeypatch.context() as change:
        change.setattr("hashlib.file_digest", digest_and_replace)
        with pytest.raises(InputError, match=said):  # while it was read
            hash_inputs(stamps)
    with pytest.raises(InputError, match=said) as error:  # before
        hash_inputs(stamps)
    assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(InputError, match=said):
        hash_inputs(stamps)


def test_frames_of_other_files_than_now() -> None:
    planes = pd.DataFrame({"frame": [0, 3], "file": ["a.tif", "b.tif"], "stamp": ["1e5", "2"]})
    check_stamps(planes, {0: "1e5", 3: "2"})
    with pytest.raises(InputError, match="was replaced after its nuclei were found"):
        check_stamps(planes, {0: "1e5", 3: "3"})


def test_any_command_is_one_line_that_bash_reads_back() -> None:
    words = [
        "snakemake",
        "a b",
        "tab\tand\nline",
        "it's",
        "\\x41\t'",
        "\u00b5m",
        "\x85\udcff",
        "-n",
        "",
    ]
    line = quote_command(words)
    assert line.startswith("snakemake 'a b' ")
    assert line.isprintable()
    script = f"printf '%s\\0' {line}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]] == words

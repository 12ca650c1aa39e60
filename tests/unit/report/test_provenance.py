"""Versions, checksums and the commit of the workflow."""

import hashlib
import platform
import subprocess
from pathlib import Path

import numpy as np

from autonuclei.report.provenance import find_commit, hash_files, list_versions


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

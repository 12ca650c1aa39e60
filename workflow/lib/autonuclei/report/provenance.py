"""What made a result: versions, settings, input checksums."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "snakemake",
    "numpy",
    "scipy",
    "scikit-image",
    "tifffile",
    "imagecodecs",
    "stardist",
    "csbdeep",
    "tensorflow-cpu",
    "tensorflow",
    "keras",
    "pandas",
    "pulp",
    "matplotlib",
    "edt",
)


def list_versions() -> dict[str, str]:
    """Versions of Python, the system and the packages that results depend on."""
    versions = {"python": platform.python_version(), "system": platform.platform()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def hash_files(paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """SHA-256 of each file, in order of name."""
    sums = {}
    for path in sorted({str(path) for path in paths}):
        with Path(path).open("rb") as file:
            sums[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def find_commit(folder: str | os.PathLike[str]) -> str | None:
    """The git commit of the workflow's checkout, with "+changes" if files differ from it.

    None where there is no checkout or no git.
    """

    def ask(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return ask("rev-parse", "HEAD") + "+changes" * bool(ask("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return None

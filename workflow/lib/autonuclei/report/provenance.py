"""What made a result: versions, settings, input checksums."""

import hashlib
import os
import platform
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.files import stamp_files

PACKAGES = (
    "snakemake",
    "numpy",
    "scipy",
    "scikit-image",
    "tifffile",
    "imagecodecs",
    "zarr",
    "nd2",
    "liffile",
    "oiffile",
    "pylibCZIrw",
    "onnxruntime",
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


def quote_command(words: Iterable[str]) -> str:
    """A command as one line to give to bash again, whatever is in its words."""
    return " ".join(map(_quote, words))


def _quote(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    # Tabs and line breaks would be others in a table or a line; between $' ' bash writes them so.
    escaped = word.replace("\\", r"\\").replace("'", r"\'")
    return "$'" + "".join(c if c.isprintable() else _escape(c) for c in escaped) + "'"


def _escape(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def hash_files(paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """SHA-256 of each file, in order of name.

    That of a folder (OME-Zarr) is of the lines ``SHA-256  PATH`` of all files in it, by path, as
    ``find . -type f`` and ``sha256sum`` write them.
    """
    return {path: _hash_path(Path(path)) for path in sorted({str(path) for path in paths})}


def hash_inputs(stamps: Mapping[str, str]) -> dict[str, str]:
    """As `hash_files`, of files that must still be those that the run was planned with.

    Parameters
    ----------
    stamps
        Of each file what `stamp_files` gave for it then.

    Raises
    ------
    InputError
        A file is gone or another one: its checksum would stand beside results of the first.
    """
    sums: dict[str, str] = {}
    for path in sorted(stamps):
        _check_stamp(path, stamps[path])
        sums |= hash_files([path])
        _check_stamp(path, stamps[path])
    return sums


def check_stamps(planes: pd.DataFrame, stamps: Mapping[int, str]) -> None:
    """Refuse frames whose files are not those that their nuclei were found in.

    On a cluster each job plans for itself, so that a file may be replaced between two of them.

    Parameters
    ----------
    planes
        The record of a sample (`segment.planes`): `frame`, `file`, `stamp`.
    stamps
        Of each frame the stamp of its files now.

    Raises
    ------
    InputError
        A stamp is another one.
    """
    for frame, file, stamp in zip(planes["frame"], planes["file"], planes["stamp"], strict=True):
        if stamp != stamps[frame]:
            raise InputError(
                f"{file}: was replaced after its nuclei were found. Give the same command again."
            )


def _hash_path(path: Path) -> str:
    if path.is_dir():
        digest = hashlib.sha256()
        inside = sorted(file.relative_to(path).as_posix() for file in path.rglob("*"))
        for name in inside:
            if (path / name).is_file():
                digest.update(f"{_hash_path(path / name)}  ./{name}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_stamp(path: str, stamp: str) -> None:
    try:
        if stamp_files([path]) == stamp:
            return
    except FileNotFoundError:
        pass
    raise InputError(
        f"{path}: was replaced or removed while this run went on, so that its checksum would not "
        "be that of the images that were segmented. Give the same command again."
    )


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

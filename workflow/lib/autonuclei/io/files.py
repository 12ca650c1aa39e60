"""Writing files so that a half-written one is never taken for a whole one."""

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autonuclei.errors import InputError

_PARTIAL_FOLDER = re.compile(r"\..*\.\d+\.partial")

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


@contextmanager
def write_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well.

    The temporary name keeps the suffix of `path`, since many writers look at it. Works for
    a file and for a folder (one that is made inside the block). If the block raises,
    whatever it wrote is removed and an older `path` stays as it was. What a killed process
    left half-written beside `path` is removed first.

    Raises
    ------
    InputError
        The disk is full or the quota is used up.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(path)
        yield partial
        if partial.is_dir() and path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    except BaseException as error:
        _remove(partial)
        if isinstance(error, OSError):
            refuse_full_disk(error, path)
        raise


def _remove_unfinished(path: Path) -> None:
    # Snakemake lets one job at a time write a file. Should an older one still run, on a node that
    # was given up, it fails to rename what is gone, and cannot replace the newer result.
    if _PARTIAL_FOLDER.fullmatch(path.parent.name):
        return  # it is new, and may hold thousands of files
    name = re.compile(rf"\.{re.escape(path.stem)}\.\d+\.partial{re.escape(path.suffix)}")
    with os.scandir(path.parent) as entries:
        left = [Path(entry.path) for entry in entries if name.fullmatch(entry.name)]
    for partial in left:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def refuse_full_disk(error: OSError, path: str | os.PathLike[str]) -> None:
    """Raise an `InputError` that names `path` if `error` says that the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise InputError(
            f"{path}: the disk is full, nothing was written. Free some space and run again."
        ) from error


def stamp_files(paths: Iterable[str | os.PathLike[str]]) -> str:
    """A short text that differs when one of the files was replaced, with an older one too.

    Made from sizes and times, not from the content; of a folder (OME-Zarr) from those of all that
    is in it, since a chunk that is written over leaves the folder as it was.

    Raises
    ------
    OSError
        A file is missing.
    """
    digest = hashlib.sha256()
    for path in paths:
        status = os.stat(path)  # noqa: PTH116  # of thousands of files
        _add_status(digest, status)
        if stat.S_ISDIR(status.st_mode):
            _add_folder(digest, os.fspath(path))
    return digest.hexdigest()[:12]


def _add_folder(digest: Any, folder: str) -> None:
    with os.scandir(folder) as entries:
        inside = sorted(entries, key=lambda entry: entry.name)
    for entry in inside:
        is_broken_link = not (entry.is_file() or entry.is_dir())
        _add_status(digest, entry.stat(follow_symlinks=not is_broken_link))
        if entry.is_dir(follow_symlinks=False):
            _add_folder(digest, entry.path)


def _add_status(digest: Any, status: os.stat_result) -> None:
    digest.update(f"{status.st_size} {status.st_mtime_ns}\n".encode())


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a Zarr store or a group in one, by its metadata files."""
    return any((folder / name).is_file() for name in ZARR_METADATA)

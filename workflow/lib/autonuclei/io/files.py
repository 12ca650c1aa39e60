"""Writing files so that a half-written one is never taken for a whole one."""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
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
    left half-written beside `path` is removed first. The bytes are on the disk before the
    renaming, so that a power cut leaves the older or the whole new one.

    Raises
    ------
    InputError
        The disk is full or the quota is used up, or the place may not be written to.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(path)
        yield partial
        _sync(partial)
        if partial.is_dir() and path.is_dir():
            shutil.rmtree(path)
        # The entry of the folder is not synced: at worst the older file is there.
        partial.replace(path)
    except BaseException as error:
        _remove(partial)
        refuse_lost_place(error, path)
        raise
    if not _is_in_unfinished(path):
        _written[path] = None


# What this process wrote as a whole, as keys, in order.
_written: dict[Path, None] = {}


def list_written() -> list[Path]:
    """Files and folders that this process has finished with `write_beside`.

    What is inside such a folder is not listed.
    """
    return list(_written)


def measure_bytes(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in _list_files(path))


def _list_files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)


def _sync(path: Path) -> None:
    """Wait until the bytes are on the disk; those of files in an unfinished folder come later."""
    if _is_in_unfinished(path):
        return
    for file in _list_files(path):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_in_unfinished(path: Path) -> bool:
    return any(_PARTIAL_FOLDER.fullmatch(folder.name) for folder in path.parents)


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


def refuse_lost_place(error: BaseException, path: str | os.PathLike[str]) -> None:
    """Raise an `InputError` if `path` could not be written since its disk takes nothing.

    The disk may be full, read-only or another's. Where the error names another file on a full
    disk (a temporary one), that is told; where it names none, of the disks of `path` and of
    temporary files the one with less room.
    """
    seen: BaseException | None = None if isinstance(error, InputError) else error
    while seen is not None and not (isinstance(seen, OSError) and seen.errno in _REMEDIES):
        seen = seen.__cause__ or seen.__context__
    if not isinstance(seen, OSError):
        return
    path = Path(path)
    # Of two names the second is that of the copy.
    name = seen.filename2 or seen.filename
    named = path if name is None else Path(os.fsdecode(name))
    if name is None and seen.errno == errno.ENOSPC:
        named = min(path, _find_temporary_folder(), key=_measure_room)
    is_here = named in path.parents or path.parent in named.parents
    if is_here or seen.errno in _FULL:
        shown = _PARTIAL_NAME.sub(r"\1\2", str(named))
        raise InputError(f"{shown}: {_REMEDIES[seen.errno or 0]}") from error


def _measure_room(path: Path) -> int:
    """Free bytes on the disk of a path, which need not be there."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return shutil.disk_usage(there).free


_PARTIAL_NAME = re.compile(r"(?<![^/])\.([^/]*)\.\d+\.partial([^/]*)")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REMEDIES = dict.fromkeys(
    _FULL, "the disk is full, nothing was written. Free some space and run again."
) | dict.fromkeys(
    (errno.EROFS, errno.EACCES, errno.EPERM),
    "may not be written, the disk or folder is read-only. Choose another one ('pathvars: results' "
    "in the configuration), or ask its owner for the right to write.",
)


# What Snakemake's scheduler writes for a choice among thousands of jobs; networks take more.
_TEMPORARY_BYTES = 2**20


def check_temporary_folder() -> None:
    """Refuse a folder for temporary files that takes none.

    Snakemake's scheduler ends with a traceback of another library there.

    Raises
    ------
    InputError
        Its disk is full, it is not there, or it may not be written.
    """
    folder = _find_temporary_folder()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TEMPORARY_BYTES))
    except OSError as error:
        raise InputError(
            f"{folder}: the folder for temporary files takes none ({error.strerror}). Free some "
            "space there, or name another folder: export TMPDIR=FOLDER."
        ) from None


def _find_temporary_folder() -> Path:
    # As programs take it that do not, like Python, go on to another one where this is full.
    return Path(os.environ.get("TMPDIR") or "/tmp")


IN_USE = ".in_use"


def lock_folder(folder: Path, who: str) -> int | None:
    """Take a folder of results for this process until it ends, however it ends.

    Parameters
    ----------
    folder
        Is made where it is missing.
    who
        A line for others, which stays in its file `IN_USE`.

    Returns
    -------
    The open file that holds the lock; None where the file system has no locks.

    Raises
    ------
    InputError
        Another process has it, on this machine or on another one that sees the same disk; or the
        folder may not be written.
    """
    path = folder / IN_USE
    descriptor = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, who.encode())
        return descriptor
    except BlockingIOError:
        told = " ".join(path.read_text(encoding="utf-8", errors="replace").split())
        raise InputError(
            f"{folder}: another run writes its results here ({told}). Wait for its end, or give "
            "this one a folder of its own ('pathvars: results' in the configuration)."
        ) from None
    except OSError as error:
        refuse_lost_place(error, path)
        if descriptor is None:
            raise
        return None


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read names with values that the workflow itself wrote as JSON.

    Raises
    ------
    InputError
        The file is damaged.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path}: {DAMAGED}")
    return content


# Of files that the workflow can make again.
DAMAGED = "is damaged or was cut short. Delete it and run again."


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

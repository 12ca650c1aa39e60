"""Writing files so that a half-written one is never taken for a whole one."""

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autonuclei.errors import InputError

# Names the folder in which jobs keep a second name of each file that they finish; see `put_back`.
KEEP_FOLDER = "AUTONUCLEI_KEEP_FOLDER"


@contextmanager
def write_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well.

    The temporary name keeps the suffix of `path`, since many writers look at it. Works for
    a file and for a folder (one that is made inside the block). If the block raises,
    whatever it wrote is removed and an older `path` stays as it was. What a killed process
    left half-written beside `path` is removed first. Where the environment variable
    `KEEP_FOLDER` names a folder, the result is kept there too, for `put_back`.

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
        if folder := os.environ.get(KEEP_FOLDER):
            # Some file systems have no links; then nothing is kept, and `put_back` says so.
            with suppress(OSError):
                _link(path, _find_kept(path, folder))
    except BaseException as error:
        _remove(partial)
        if isinstance(error, OSError):
            refuse_full_disk(error, path)
        raise


def _remove_unfinished(path: Path) -> None:
    # Snakemake lets one job at a time write a file. Should an older one still run, on a node that
    # was given up, it fails to rename what is gone, and cannot replace the newer result.
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


def put_back(paths: Iterable[str | os.PathLike[str]], folder: str | os.PathLike[str]) -> bool:
    """Put the results of a job back that were removed after it had finished.

    Returns
    -------
    bool
        False, and nothing is put back, unless every path was kept in `folder`.
    """
    kept = {Path(path): _find_kept(path, folder) for path in paths}
    if not all(source.exists() for source in kept.values()):
        return False
    for path, source in kept.items():
        if not path.exists():
            _link(source, path)
    return True


def _find_kept(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Path:
    return Path(folder, *Path(path).absolute().parts[1:])


def _link(source: Path, target: Path) -> None:
    """Give a file, or all files of a folder, a second name; it costs no space."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, partial, copy_function=os.link)
    else:
        os.link(source, partial)
    partial.replace(target)


def refuse_full_disk(error: OSError, path: str | os.PathLike[str]) -> None:
    """Raise an `InputError` that names `path` if `error` says that the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise InputError(
            f"{path}: the disk is full, nothing was written. Free some space and run again."
        ) from error

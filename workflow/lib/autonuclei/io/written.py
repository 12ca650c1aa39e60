"""Whether the results are still as they were written: jobs note the size of each in their log."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from autonuclei.io.files import measure_bytes

# The line of a log for each file or folder that the job wrote, and its bytes.
WRITTEN = "wrote %s (%d bytes)"
_LINE = re.compile(r"^[\d-]+ [\d:]+ wrote (.+) \((\d+) bytes\)$", re.MULTILINE)
# The lines stand at the end of a log.
_LAST_BYTES = 2**16


class CutFile(NamedTuple):
    """A result with fewer bytes than its job wrote."""

    path: Path
    size: int
    written: int

    def __str__(self) -> str:
        return f"{self.path}: is cut short, it has {self.size} of {self.written} bytes"

    def set_aside(self) -> Path:
        """Rename it, so that it counts as missing; gives the new name."""
        place = self.path.with_name(f"{self.path.name}.cut_short")
        if place.is_dir():
            shutil.rmtree(place)
        return self.path.rename(place)


def find_cut_files(logs: str | os.PathLike[str]) -> list[CutFile]:
    """Find results that have fewer bytes than their job noted in its log.

    A power cut, a full disk or a copy that was broken off leaves such files. Results that are
    gone, or larger since somebody edited them, are not told, nor are those without a log.

    Parameters
    ----------
    logs
        Folder of all logs. The newest one that names a file counts.
    """
    written: dict[str, int] = {}
    for log in sorted(_list_logs(Path(logs))):
        text = _read_end(log[1])
        written |= {name: int(size) for name, size in _LINE.findall(text)}
    cut = []
    for name, size in written.items():
        path = Path(name)
        if path.exists() and (found := measure_bytes(path)) < size:
            cut.append(CutFile(path, found, size))
    return sorted(cut)


def _list_logs(folder: Path) -> Iterator[tuple[int, str]]:
    """Time and path of each log."""
    for inside, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".log"):
                path = os.path.join(inside, name)  # noqa: PTH118  # of tens of thousands
                yield os.stat(path).st_mtime_ns, path  # noqa: PTH116


def _read_end(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
        return file.read().decode("utf-8", "replace")

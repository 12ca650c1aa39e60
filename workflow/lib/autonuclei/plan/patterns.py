"""Provisional."""

import glob
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autonuclei.errors import InputError


@dataclass(frozen=True)
class FoundFiles:
    paths: list[str]
    notes: list[str]


@dataclass(frozen=True)
class FrameNumbers:
    numbers: list[int]
    interval_min: float | None
    notes: list[str]


def has_placeholders(pattern: str) -> bool:
    return bool(re.search(r"\{[a-z]+\}", pattern))


def fill_placeholders(pattern: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda m: values.get(m[1], "*"), pattern)


def group_files(pattern: str, name: str, *, channel: str | None):
    raise InputError("not yet")


def find_files(pattern: str) -> FoundFiles:
    is_file = Path(pattern).is_file()
    matches = [pattern] if is_file else glob.glob(pattern, recursive=True)
    files = [name for name in matches if Path(name).is_file() or name.endswith(".zarr")]
    for name in files:
        if set(name) & set("{}<>"):
            raise InputError(
                f"{name}: has one of {{ }} < > in its name, which Snakemake takes "
                "for a placeholder. Rename it."
            )
    if not files:
        hint = " For a folder of images add a pattern such as /*.tif." * Path(pattern).is_dir()
        raise InputError(f"no file fits '{pattern}'.{hint}")
    return FoundFiles(sorted(files, key=_natural_key), [])


def find_stem(path: str) -> str:
    return re.sub(r"\.ome$", "", Path(path).stem, flags=re.IGNORECASE)


def number_frames(files: Sequence[str]) -> FrameNumbers:
    numbers, notes = _number_files(files)
    return FrameNumbers(numbers, None, notes)


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), part) if part.isdigit() else (0, 0, part) for part in parts]


def _number_files(files: Sequence[str]) -> tuple[list[int], list[str]]:
    """Frame numbers of a movie in single files, from the one number that counts up in the names.

    A missing file leaves a gap in the numbers, which is told; it is not closed.
    """
    plain = list(range(len(files)))
    fields = [re.findall(r"\d+", Path(name).name) for name in files]
    shapes = {re.sub(r"\d+", "#", Path(name).name) for name in files}
    if len(shapes) > 1:
        return plain, []
    varying = [k for k in range(len(fields[0])) if len({f[k] for f in fields}) > 1]
    if len(varying) != 1:
        return plain, []
    counted = [int(f[varying[0]]) for f in fields]
    steps = [b - a for a, b in itertools.pairwise(counted)]
    step = math.gcd(*steps)
    if step == 0 or min(steps) <= 0:
        return plain, []
    numbers = [(value - counted[0]) // step for value in counted]
    known = set(counted)
    missing = [n for n in range(counted[0], counted[-1], step) if n not in known]
    if len(missing) > len(files):
        return plain, []  # not a sequence: numbers of wells or dates
    notes = []
    if missing:
        listed = ", ".join(map(str, missing[:10])) + (" ..." if len(missing) > 10 else "")
        notes.append(
            f"{len(missing)} file(s) missing from the sequence {files[0]} to "
            f"{Path(files[-1]).name} (number {listed}); the gap stays in the frame numbers"
        )
    return numbers, notes

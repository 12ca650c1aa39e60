"""Digests of the package's source, for Snakemake's decision what to run again.

Snakemake watches the text of a script, not what the script imports.
"""

import functools
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

import autonuclei

PACKAGE = Path(autonuclei.__file__).parent

# Parsing the syntax of the whole package would take half a second at each start of Snakemake.
_IMPORT = re.compile(r"^\s*(?:from|import) autonuclei((?:\.\w+)*)(?: import ([^#\n]+))?", re.M)
# Comments and docstrings do not change a result.
_COMMENT = re.compile(r"^\s*#.*\n", re.M)
_DOCSTRING = re.compile(r'^([ \t]*)r?"""[\s\S]*?"""[ \t]*\n', re.M)


def digest_script(script: str | os.PathLike[str]) -> str:
    """A name for the present state of all that a script imports from the package.

    Followed are all imports, also those inside functions, of the imported modules too. A data
    file of the same name beside a module counts with it. Comments and docstrings do not count.
    """
    waiting, seen = set(list_imports(Path(script))), set[Path]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= list_imports(path) - seen
    # Rules pass settings as parameters: what the module says of them changes no result.
    return _digest(sorted(seen - {PACKAGE / "settings.py"}), PACKAGE)


def digest_package(folder: Path = PACKAGE) -> str:
    """A name for the present state of the whole package, or of a copy of it."""
    return _digest(sorted(folder.rglob("*.py")), folder)


def _digest(modules: Iterable[Path], folder: Path) -> str:
    digest = hashlib.sha256()
    for path in modules:
        digest.update(f"{path.relative_to(folder)}\n".encode())
        digest.update(_digest_module(path))
    return digest.hexdigest()[:16]


@functools.cache
def _digest_module(path: Path) -> bytes:
    digest = hashlib.sha256(strip_comments(path.read_text(encoding="utf-8")).encode())
    for beside in sorted(path.parent.glob(f"{path.stem}.*")):
        if beside.suffix not in (".py", ".pyc"):
            digest.update(beside.read_bytes())
    return digest.digest()


def strip_comments(source: str) -> str:
    """Source text without lines of comments, and with `pass` in the place of docstrings."""
    return _DOCSTRING.sub(r"\1pass\n", _COMMENT.sub("", source))


@functools.cache
def list_imports(path: Path) -> frozenset[Path]:
    """The files of the package that a source file imports."""
    found = set[Path]()
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        place = PACKAGE.joinpath(*module.split(".")[1:])
        if place.with_suffix(".py").is_file() and place != PACKAGE:
            found.add(place.with_suffix(".py"))
            continue
        for name in re.findall(r"\w+", names):
            found |= {p for p in (place / f"{name}.py", place / name / "__init__.py") if p.exists()}
    return frozenset(found)

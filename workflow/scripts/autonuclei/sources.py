"""Digests of the package's own source, for Snakemake's re-run decisions."""

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

# Parsing the syntax would take half a second at each start of Snakemake. A word too many in a
# comment or docstring does no harm.
_MODULE = re.compile(r"^\s*(?:from|import) autonuclei\.(\w+)", re.MULTILINE)
_FROM_PACKAGE = re.compile(r"^\s*from autonuclei import (.+)", re.MULTILINE)


@functools.cache
def list_imports(file: Path) -> frozenset[str]:
    """Names of the package's modules that a source file imports, anywhere in it."""
    source = file.read_text(encoding="utf-8")
    found = set(_MODULE.findall(source))
    for names in _FROM_PACKAGE.findall(source):
        found |= {name.split()[0] for name in names.strip(" ()").split(",") if name.strip()}
    return frozenset(found)


def digest_modules(
    files: Mapping[str, Path], modules: Iterable[str], without: Iterable[str] = ()
) -> str:
    """A short digest of the text of modules and of all modules that they import.

    `files` gives the file of each module of the package; `without` names imported ones that do
    not count.
    """
    waiting, seen, without = set(modules), set[str](), set(without)
    digest = hashlib.sha256()
    while waiting:
        name = min(waiting)
        waiting.remove(name)
        seen.add(name)
        waiting |= list_imports(files[name]) - seen - without
    for name in sorted(seen):
        digest.update(files[name].read_bytes())
    return digest.hexdigest()[:16]

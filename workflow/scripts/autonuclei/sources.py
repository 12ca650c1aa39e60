"""Digests of the package's own source, for Snakemake's re-run decisions."""

import ast
import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path


@functools.cache
def list_imports(file: Path) -> frozenset[str]:
    """Names of the package's modules that a source file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "autonuclei":
                found |= {alias.name for alias in node.names}
            elif node.module.startswith("autonuclei."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.split(".")[1]
                for alias in node.names
                if alias.name.startswith("autonuclei.")
            }
    return frozenset(found)


def digest_modules(files: Mapping[str, Path], modules: Iterable[str]) -> str:
    """A short digest of the text of modules and of all modules that they import.

    `files` gives the file of each module of the package.
    """
    waiting, seen = set(modules), set[str]()
    digest = hashlib.sha256()
    while waiting:
        name = min(waiting)
        waiting.remove(name)
        seen.add(name)
        waiting |= list_imports(files[name]) - seen
    for name in sorted(seen):
        digest.update(files[name].read_bytes())
    return digest.hexdigest()[:16]

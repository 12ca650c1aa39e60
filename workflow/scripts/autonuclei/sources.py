"""Digests of the package's own source, for Snakemake's re-run decisions."""

import ast
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path


def list_imports(source: str) -> set[str]:
    """Names of the package's modules that a source text imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
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
    return found


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
        waiting |= list_imports(files[name].read_text()) - seen
    for name in sorted(seen):
        digest.update(files[name].read_bytes())
    return digest.hexdigest()[:16]

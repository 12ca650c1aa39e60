"""A digest changes with what a script imports, and with nothing else."""

import ast
from pathlib import Path

import pytest

from autonuclei.plan import digests
from autonuclei.plan.digests import PACKAGE, digest_script, list_imports, strip_comments


def test_every_way_to_import_a_module(tmp_path: Path) -> None:
    source = """
from autonuclei.io.images import read_plane
from autonuclei.io import files, tables as t
from autonuclei import errors as e
import autonuclei.labels.matching
import autonuclei.settings as s, os
def later():
    from autonuclei.train.training import train_model
"""
    (tmp_path / "a.py").write_text(source)
    found = {path.relative_to(PACKAGE).as_posix() for path in list_imports(tmp_path / "a.py")}
    assert found == {
        "io/images.py", "io/files.py", "io/tables.py", "errors.py", "labels/matching.py",
        "settings.py", "train/training.py",
    }  # fmt: skip


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules a to d; a imports b, b imports c, and c imports a. A script imports a."""
    folder = tmp_path / "autonuclei"
    (folder / "stage").mkdir(parents=True)
    texts = {
        "a.py": "from autonuclei.stage.b import x\n",
        "stage/b.py": "def f():\n    from autonuclei import c\n",
        "c.py": '"""Says it."""\nimport autonuclei.a\n',
        "d.py": "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (tmp_path / "script.py").write_text("from autonuclei.a import f\n")
    monkeypatch.setattr(digests, "PACKAGE", folder)
    return folder


def digest(package: Path) -> str:
    list_imports.cache_clear()
    digests._digest_module.cache_clear()
    return digest_script(package.parent / "script.py")


def test_digest_follows_imports(package: Path) -> None:
    before = digest(package)
    (package / "d.py").write_text("x = 1\n")
    assert digest(package) == before
    (package / "c.py").write_text('"""Says it."""\nimport autonuclei.a\nx = 1\n')
    assert digest(package) != before


def test_data_beside_a_module_counts(package: Path) -> None:
    before = digest(package)
    (package / "d.json").write_text("{}")
    assert digest(package) == before
    (package / "stage" / "b.json").write_text("{}")
    assert digest(package) != before


def test_comments_and_docstrings_do_not_count(package: Path) -> None:
    before = digest(package)
    (package / "c.py").write_text('"""Says more."""\n# And why.\nimport autonuclei.a\n')
    assert digest(package) == before


def test_only_comments_and_docstrings_are_left_out() -> None:
    """The quick way to leave them out and the syntax agree, in every module."""

    def drop_docstrings(tree: ast.Module) -> str:
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [  # type: ignore[attr-defined]
                    line
                    for line in body
                    if not isinstance(line, ast.Pass)
                    and not (
                        isinstance(line, ast.Expr)
                        and isinstance(line.value, ast.Constant)
                        and isinstance(line.value.value, str)
                    )
                ]
        return ast.dump(tree)

    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 50
    for path in modules:
        source = path.read_text(encoding="utf-8")
        stripped = strip_comments(source)
        assert drop_docstrings(ast.parse(stripped)) == drop_docstrings(ast.parse(source)), path


def test_every_import_of_the_package_is_a_file() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {
            node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autonuclei.")
        }
        found = {
            ".".join(("autonuclei", *file.relative_to(PACKAGE).with_suffix("").parts))
            for file in list_imports(path)
        }
        assert named <= found | {f.rpartition(".")[0] for f in found}, path

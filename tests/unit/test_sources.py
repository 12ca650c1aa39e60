"""A digest changes with a module and with all that it imports, and with nothing else."""

import ast
from pathlib import Path

import pytest

from autonuclei import sources
from autonuclei.sources import digest_modules, list_imports

PACKAGE = Path(sources.__file__).parent
FILES = {path.stem: path for path in PACKAGE.glob("*.py")}
DATA = {path.name: path for path in PACKAGE.glob("*.html")}


def test_every_way_to_import_a_module(tmp_path: Path) -> None:
    source = """
from autonuclei.images import read_plane
from autonuclei import files, errors as e
import autonuclei.matching
import autonuclei.settings as s, os
def later():
    from autonuclei.training import draw_outlines
"""
    (tmp_path / "a.py").write_text(source)
    assert list_imports(tmp_path / "a.py") == {
        "images", "files", "errors", "matching", "settings", "training",
    }  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "a": "from autonuclei.b import x",
        "b": "def f():\n    from autonuclei import c",
        "c": "import autonuclei.a",  # in a circle
        "d": "",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    return {name: tmp_path / f"{name}.py" for name in texts}


def test_digest_follows_imports(package: dict[str, Path]) -> None:
    before = {name: digest_modules(package, [name]) for name in package}
    package["c"].write_text(package["c"].read_text() + "\n# changed")
    after = {name: digest_modules(package, [name]) for name in package}
    assert [name for name in package if before[name] != after[name]] == ["a", "b", "c"]
    package["d"].write_text("x = 1")
    assert digest_modules(package, ["a"]) == after["a"]
    assert digest_modules(package, ["d", "a"]) == digest_modules(package, ["a", "d"])


def test_digest_leaves_out_what_does_not_count(package: dict[str, Path]) -> None:
    before = [digest_modules(package, ["a"], without) for without in ((), ["b"], ["c"])]
    assert len(set(before)) == 3
    package["c"].write_text("# changed")
    after = [digest_modules(package, ["a"], without) for without in ((), ["b"], ["c"])]
    assert before[0] != after[0]
    assert before[1:] == after[1:]  # "a" needs "c" through "b" only


def test_digest_does_not_depend_on_the_place(package: dict[str, Path], tmp_path: Path) -> None:
    moved = {}
    for name, path in package.items():
        moved[name] = tmp_path / "moved" / path.name
        moved[name].parent.mkdir(exist_ok=True)
        moved[name].write_bytes(path.read_bytes())
    assert digest_modules(package, package) == digest_modules(moved, moved)


def test_every_module_can_be_followed() -> None:
    for name in FILES:
        assert len(digest_modules(FILES, [name])) == 16


def test_scripts_are_covered_by_the_digest_of_their_rule() -> None:
    """Each rule's `code=digest_code(...)` reaches every module that its script imports."""
    workflow = PACKAGE.parents[1]
    found = 0
    for rules in sorted((workflow / "rules").glob("*.smk")):
        for rule in rules.read_text().split("\nrule ")[1:]:
            script = rule.split('script:\n        "../scripts/')[1].split('"')[0]
            listed = rule.split("code=digest_code(")[1].split(")")[0].strip().rstrip(",")
            reached, waiting = set[str](), set(ast.literal_eval(f"({listed},)"))
            while waiting:
                name = waiting.pop()
                reached.add(name)
                waiting |= list_imports((FILES | DATA)[name]) - reached
            needed = set(list_imports(workflow / "scripts" / script))
            # How a job reports does not change its result, and a network need not be trained
            # again since the table of its losses is written in another way.
            needed -= {"jobs", "errors", "files"}
            needed -= {"measurement"} if script == "train_model.py" else set()
            assert needed <= reached, script
            found += 1
    assert found >= 15

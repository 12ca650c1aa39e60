"""The order of the house: which part may use which, and what mirrors what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT

PACKAGE = ROOT / "workflow" / "lib" / "autonuclei"
SCRIPTS = ROOT / "workflow" / "scripts"
RULES = ROOT / "workflow" / "rules"

# Each may import from itself and from those before it.
ORDER = [
    "errors", "settings", "io", "jobs", "labels", "example", "annotate", "train", "segment",
    "track", "measure", "export", "evaluate", "report", "plan",
]  # fmt: skip
STAGES = {"annotate", "train", "segment", "track", "measure", "export", "evaluate", "report"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
SOURCES = [*MODULES, *sorted(SCRIPTS.rglob("*.py")), *sorted((ROOT / "research").rglob("*.py"))]


def name_part(path: Path) -> str:
    """The sub-package, or the module at the top, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def list_imports(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of each import from the package, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "autonuclei":
            assert node.module is not None
            assert node.level == 0
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                (alias.name, "") for alias in node.names if alias.name.startswith("autonuclei")
            )


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_part_has_its_place_in_the_order() -> None:
    assert {name_part(path) for path in MODULES} == set(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_arrows_point_down(path: Path) -> None:
    allowed = ORDER[: ORDER.index(name_part(path)) + 1]
    for module, imported in list_imports(path):
        if (module, imported) == ("autonuclei", ""):  # the package itself, for its folder
            continue
        used = module.split(".")[1] if "." in module else imported
        assert used in allowed, f"{module} is not below"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_name_the_module_and_nothing_private(path: Path) -> None:
    """Digests follow imports by their text, so that one by way of the package is not seen."""
    for module, imported in list_imports(path):
        assert not any(part.startswith("_") for part in (*module.split("."), imported)), imported
        if module == "autonuclei" and imported:
            assert (PACKAGE / f"{imported}.py").is_file() or (PACKAGE / imported).is_dir()


def test_a_sub_package_says_what_it_is_and_no_more() -> None:
    folders = {path.parent for path in MODULES} - {PACKAGE}
    assert folders
    for folder in folders:
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert len(tree.body) == 1, folder
        assert ast.get_docstring(tree), folder


def test_every_rule_file_has_its_folder_of_scripts() -> None:
    assert {path.stem for path in RULES.glob("*.smk")} == STAGES | {"common"}
    assert {path.parent.name for path in SCRIPTS.rglob("*.py")} == STAGES
    for stage in STAGES:
        text = (RULES / f"{stage}.smk").read_text()
        used = {
            line.strip() for line in text.splitlines() if line.strip().startswith('"../scripts')
        }
        there = {f'"../scripts/{stage}/{path.name}"' for path in (SCRIPTS / stage).glob("*.py")}
        assert used == there
        for path in (SCRIPTS / stage).glob("*.py"):
            assert f"\nrule {path.stem}:\n" in text, path.name


def test_tests_lie_where_the_package_has_the_module() -> None:
    folders = {path.name for path in (ROOT / "tests" / "unit").iterdir() if path.is_dir()}
    assert folders - {"__pycache__", "research"} <= set(ORDER)

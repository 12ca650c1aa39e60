"""The page for whoever carries on names only what is there."""

import re

import pytest

from conftest import ROOT

PACKAGE = ROOT / "workflow" / "lib" / "autonuclei"
PAGE = (ROOT / "docs" / "development.md").read_text()
TEXT = re.sub(r"```.*?```", "", PAGE, flags=re.S)
RESULTS = TEXT.partition("## The way of an image")[2].partition("## One step alone")[0]
NAMES = sorted(set(re.findall(r"`([^`\s]+)`", TEXT)))
FOLDERS = ("workflow", "config", "profiles", "envs", "tests", "docs", "research")
PATHS = [name for name in NAMES if name.split("/")[0] in FOLDERS and "/" in name]
# Paths inside the package, as `io/files.py`.
SHORT = [name for name in NAMES if re.fullmatch(r"[a-z_]+/[a-z_]+\.py|[a-z]+\.py", name)]
ROWS = re.findall(r"^\| `(\w+)` \| (?:`(\w+)`.*\(`([\w/]+\.py)`\)|.*?) \|", RESULTS, re.M)


def test_the_page_names_paths_and_rows() -> None:
    assert len(PATHS) > 30
    assert len(SHORT) > 15
    assert len(ROWS) >= 20


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    assert list(ROOT.glob(path.rstrip("/"))), path


@pytest.mark.parametrize("path", [path for path in SHORT if path not in PATHS])
def test_every_path_inside_the_package_exists(path: str) -> None:
    assert (PACKAGE / path).exists(), path


@pytest.mark.parametrize(("rule", "function", "module"), ROWS)
def test_every_rule_and_its_function_exist(rule: str, function: str, module: str) -> None:
    (rules,) = [
        path
        for path in (ROOT / "workflow" / "rules").glob("*.smk")
        if f"\nrule {rule}:\n" in path.read_text()
    ]
    script = ROOT / "workflow" / "scripts" / rules.stem / f"{rule}.py"
    if function:
        assert f"\ndef {function}(" in (PACKAGE / module).read_text()
        assert re.search(rf"\b{function}\b", script.read_text())
        assert module[:-3].replace("/", ".") in script.read_text()


@pytest.mark.parametrize(
    "layer", re.findall(r"^\| (`[a-z]+[/.].*?) \|", TEXT.partition("layers")[2], re.M)
)
def test_every_layer_exists(layer: str) -> None:
    for name in re.findall(r"`(\S+?)`", layer):
        assert (PACKAGE / name).exists(), name

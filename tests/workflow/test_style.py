"""Formatting, lint and types, as `make lint` checks them, and Snakemake's own lint."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, draw_project, run_snakemake

BIN = Path(sys.executable).parent
PACKAGE = ROOT / "workflow" / "lib" / "autonuclei"
SECTIONS = ["log", "benchmark", "conda", "threads", "resources", "script", "params"]


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--check", "--no-cache", "."),
        ("snakefmt", "--check", "Snakefile", "workflow"),
        ("mypy",),
    ],
    ids=" ".join,
)
def test_code_is_in_style(command: tuple[str, ...]) -> None:
    if not (BIN / command[0]).exists():
        pytest.skip(f"{command[0]} is not installed beside this Python")
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakemake_finds_nothing_to_lint(tmp_path: Path) -> None:
    draw_project(tmp_path)
    run = run_snakemake(tmp_path, "--lint")
    assert run.code == 0, run.all
    assert "in a good condition" in run.all


def test_every_rule_says_what_it_needs() -> None:
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for rule in f"\n{path.read_text()}".split("\nrule ")[1:]:
            rule = rule.split("\nuse rule ")[0]
            name = f"{path.name}: {rule.split(':')[0]}"
            for word in SECTIONS:
                assert f"\n    {word}:" in rule, f"{name} has no {word}"
            for word in ("mem_mb=", "runtime=", "code=digest_imports("):
                assert word in rule, f"{name} has no {word}"
            assert rule.split("\n")[1].strip().startswith('"""'), f"{name} has no docstring"
            log, table = re.findall(r'^        "(<logs>/.*)\.(?:log|tsv)",?$', rule, re.M)
            assert log == table, f"{name}: the benchmark file belongs beside the log"
            environment = rule.split("conda:\n        ")[1].split("\n")[0].strip('"')
            assert (path.parent / environment).is_file()


def test_scripts_are_thin() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    scripts = ROOT / "workflow" / "scripts"
    for path in scripts.rglob("*.py"):
        name = path.relative_to(scripts).as_posix()
        assert f'"../scripts/{name}"' in rules, f"no rule uses {name}"
        assert len(path.read_text().splitlines()) <= 85
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(r"^\s*(import|from) snakemake", path.read_text(), re.M), path.name

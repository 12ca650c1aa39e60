"""The workflow as a module of another one, as the workflow catalog deploys it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import tifffile

from conftest import ROOT, Run, draw_project, run_snakemake

SNAKEFILE = """
configfile: "config/config.yaml"

module nuclei:
    snakefile:
        {source}
    config:
        config

use rule * from nuclei as nuclei_*

rule everything:
    default_target: True
    input:
        rules.nuclei_all.input,
"""


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *names, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository that holds the workflow as it is now."""
    folder = tmp_path / "repository"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("workflow", "envs", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    git(folder, "init", "--initial-branch", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "all")
    return folder


def deploy(folder: Path, source: str, **environment: str) -> Run:
    """Plan everything, then run one annotation step from raw image to file."""
    folder.mkdir()
    draw_project(folder)
    (folder / "Snakefile").write_text(SNAKEFILE.format(source=source))
    options = {"snakefile": folder / "Snakefile", "environment": environment}
    plan = run_snakemake(folder, "-n", "--quiet", "rules", **options)
    assert plan.code == 0, plan.all
    assert plan.jobs["nuclei_train_model"] == 1
    assert plan.jobs["nuclei_preprocess_image"] == 3
    target = "results/tiny/annotation/fields/0001/foreground.tif"
    run = run_snakemake(folder, "--notemp", target, **options)
    assert run.code == 0, run.all
    assert tifffile.imread(folder / target).any()
    return run


def test_from_a_folder(tmp_path: Path) -> None:
    deploy(tmp_path / "user", repr(str(ROOT / "workflow" / "Snakefile")))


def test_from_a_hosting_provider(tmp_path: Path, repository: Path) -> None:
    """As the catalog says it; git is told to find GitHub in a folder of this machine."""
    hosted = tmp_path / "github.com" / "someone" / "nuclei"
    hosted.parent.mkdir(parents=True)
    git(tmp_path, "clone", "--bare", str(repository), str(hosted))
    source = 'github("someone/nuclei", path="workflow/Snakefile", branch="main")'
    deploy(
        tmp_path / "user",
        source,
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.file://{tmp_path}/github.com/.insteadOf",
        GIT_CONFIG_VALUE_0="https://github.com/",
        GITHUB_TOKEN="",
    )

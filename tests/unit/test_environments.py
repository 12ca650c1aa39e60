"""The lock files and the conda environments that are written from them."""

import re
import runpy
from pathlib import Path

import pytest
import yaml

ENVS = Path(__file__).resolve().parents[2] / "envs"
CONDA = runpy.run_path(str(ENVS / "write_conda.py"))
LOCKS = ("run.lock", "gpu.lock", "dev.lock")


@pytest.mark.parametrize("name", CONDA["ENVIRONMENTS"])
def test_conda_environments_are_in_step_with_the_lock(name: str) -> None:
    versions = CONDA["read_lock"](ENVS / "run.lock", (3, 12))
    text = (ENVS / f"{name}.yaml").read_text()
    assert text == CONDA["format_environment"](name, versions)
    pinned = [line for line in yaml.safe_load(text)["dependencies"] if isinstance(line, str)]
    assert all("=" in line for line in pinned if line != "pip")


def test_every_conda_file_that_a_rule_names_is_written() -> None:
    rules = "".join(path.read_text() for path in (ENVS.parent / "workflow/rules").glob("*.smk"))
    named = {line.split("/")[-1] for line in rules.split('"') if "/envs/" in line}
    assert named == {f"{name}.yaml" for name in CONDA["ENVIRONMENTS"]}


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_have_hashes_and_name_no_index(lock: str) -> None:
    text = (ENVS / lock).read_text()
    assert "://" not in text
    assert "index" not in text
    pins = [block for block in text.split("\n") if "==" in block]
    assert pins
    assert all(block.endswith("\\") for block in pins)


@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13)])
def test_tests_and_users_have_the_same_versions(python: tuple[int, int]) -> None:
    run, gpu, dev = (CONDA["read_lock"](ENVS / lock, python) for lock in LOCKS)
    assert run.items() <= dev.items()
    assert "tensorflow-cpu" in run
    assert run["tensorflow-cpu"] == gpu["tensorflow"]
    shared = run.keys() & gpu.keys()
    assert {name: run[name] for name in shared} == {name: gpu[name] for name in shared}


def test_container_recipes_take_the_lock() -> None:
    """Both install a lock file whole, with its hashes, into the same image of Python."""
    docker = (ENVS / "Containerfile").read_text()
    apptainer = (ENVS / "apptainer.def").read_text()
    bases = {
        line.split()[1]
        for line in (*docker.splitlines(), *apptainer.splitlines())
        if line.startswith(("FROM ", "From: "))
    }
    assert len(bases) == 1
    version = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim-bookworm", bases.pop())
    assert version is not None
    # The Python of the conda environments, too, and one that the tests of the locks go through.
    assert f"- python={version[1]}\n" in (ENVS / "annotate.yaml").read_text()
    install = "pip install --no-cache-dir --require-hashes -r /opt/autonuclei.lock"
    variables = "XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib"
    for recipe in (docker, apptainer):
        assert install in recipe
        assert variables in recipe
        named = re.findall(r"LOCK=(\S+)", recipe)
        assert set(named) == {"run.lock", "gpu.lock"}
    assert "COPY envs/${LOCK} /opt/autonuclei.lock" in docker
    assert "envs/{{ LOCK }} /opt/autonuclei.lock" in apptainer
    assert all((ENVS / name).is_file() for name in ("run.lock", "gpu.lock"))

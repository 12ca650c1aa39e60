"""Results that were cut short are found, and nobody else writes into a folder in use."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autonuclei.errors import InputError
from autonuclei.io.files import lock_folder
from autonuclei.io.written import find_cut_files

JOB = """
from pathlib import Path
from autonuclei.io.files import write_beside
from autonuclei.jobs import log_job
with log_job("logs/a/job.log"):
    for name in ("results/a table.csv", "results/sub (3 bytes)/b.json"):
        with write_beside(name) as partial:
            partial.write_text("0123456789")
    with write_beside("results/labels") as folder:
        folder.mkdir()
        for number in range(3):
            with write_beside(folder / f"{number}.tif") as partial:
                partial.write_text("0123456789")
    with write_beside("results/gone.csv") as partial:
        partial.write_text("0")
    Path("results/gone.csv").unlink()
"""
WRITTEN = ["a table.csv", "sub (3 bytes)/b.json", "labels/1.tif"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a job that has ended."""
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-c", JOB], check=True, cwd=tmp_path)
    return Path("results")


def test_whole_results_are_no_matter(results: Path) -> None:
    assert find_cut_files("logs") == []
    assert find_cut_files("no logs yet") == []


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("left", [0, 5, 9])
def test_what_was_cut_is_found_and_set_aside(results: Path, name: str, left: int) -> None:
    os.truncate(results / name, left)
    (cut,) = find_cut_files("logs")
    is_folder = name.startswith("labels")
    assert cut.path == results / ("labels" if is_folder else name)
    assert (cut.size, cut.written) == ((20 + left, 30) if is_folder else (left, 10))
    for _ in range(2):
        aside = cut.set_aside()
        assert aside.name == f"{cut.path.name}.cut_short"
        assert aside.exists()
        assert not cut.path.exists()
        assert find_cut_files("logs") == []
        aside.rename(cut.path)


def test_what_somebody_added_to_is_left_alone(results: Path) -> None:
    (results / "a table.csv").write_text("corrected by hand")
    (results / "labels" / "notes.txt").write_text("mine")
    assert find_cut_files("logs") == []


def test_the_newest_log_counts(results: Path) -> None:
    os.truncate(results / "a table.csv", 4)
    other = Path("logs/other.log")
    other.write_text("2026-01-01 10:00:00 wrote results/a table.csv (4 bytes)\n")
    assert find_cut_files("logs") == []
    os.utime(other, (0, 0))
    assert len(find_cut_files("logs")) == 1


HOLD = """
import sys, time
from pathlib import Path
from autonuclei.io.files import lock_folder
held = lock_folder(Path(sys.argv[1]), "2026-01-01\tmachine\tsnakemake --cores 2")
print("held", flush=True)
time.sleep(60)
"""


def test_a_folder_in_use_is_refused_until_its_process_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, cwd=tmp_path
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InputError) as error:
            lock_folder(folder, "me")
        said = str(error.value)
        assert said.startswith(f"{folder}: another run writes its results here (2026-01-01 machine")
        assert "\n" not in said
        os.kill(other.pid, signal.SIGKILL)
    held = lock_folder(folder, "me")
    assert held is not None
    os.close(held)

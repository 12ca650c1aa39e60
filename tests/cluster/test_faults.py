"""What goes wrong on a cluster: each run ends complete, and nothing whole is made twice."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_slurm import LocalSlurm, ask, list_job_processes, wait_until

from conftest import REPOSITORY, Experiment, add_resources

HISTORY = "results/tiny/training/loss.csv"


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the training images are there and the training is next."""
    made = Experiment(tmp_path_factory.mktemp("annotated"), epochs=8)
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--cores", "1", "--notemp", "--quiet", "all"),
            *("--directory", str(made.folder), "--configfile", str(made.folder / "config.yaml")),
            *("--until", "compose_training_pair"),
        ],
        cwd=REPOSITORY,
        check=True,
    )
    return made.folder


@pytest.fixture
def training(annotated: Path, cluster: LocalSlurm, tmp_path: Path) -> Iterator[Experiment]:
    """An annotated experiment; at the end, its annotation must not have been made again."""
    folder = tmp_path / "training"
    shutil.copytree(annotated, folder)
    made = list_times(annotated / "results/tiny/annotation")
    yield Experiment(folder, epochs=8, is_new=False)
    left = list_times(folder / "results/tiny/annotation")
    assert left
    assert left.items() <= made.items()


def list_times(folder: Path, pattern: str = "*") -> dict[str, int]:
    """When each file was written, in ns."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob(pattern)
        if path.is_file()
    }


def check_training(experiment: Experiment) -> None:
    """All epochs are there, once each, and the last job went on from an earlier one's."""
    lines = (experiment.folder / HISTORY).read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [str(i + 1) for i in range(8)]
    assert "going on after epoch" in experiment.training_log
    assert (experiment.folder / "results/tiny/model/weights_best.h5").is_file()


def test_job_over_its_time(training: Experiment) -> None:
    process = training.start(*add_resources("train_model:runtime=attempt"), HISTORY)
    job = training.wait_for_checkpoint()
    # A job that hangs. Its time is one minute; SLURM looks twice a minute.
    for number in list_job_processes(job.number):
        if "train_model.py" in Path(f"/proc/{number}/cmdline").read_text():
            os.kill(number, signal.SIGSTOP)
    training.finish(process, target=HISTORY)

    assert training.count_states("train_model")["TIMEOUT"] >= 1
    assert training.count_states("train_model")["COMPLETED"] == 1
    check_training(training)


def test_job_over_its_memory(training: Experiment) -> None:
    process = training.start(*add_resources("train_model:mem_mb=600+1400*(attempt-1)"), HISTORY)
    training.finish(process, target=HISTORY)

    states = [job.state for job in training.find_jobs("train_model")]
    assert states == ["FAILED", "COMPLETED"]
    memory = [job.request["mem"] for job in training.find_jobs("train_model")]
    assert memory == ["600M", "2000M"]


def test_job_cancelled_by_a_person(training: Experiment) -> None:
    process = training.start(HISTORY)
    job = training.wait_for_checkpoint()
    ask("scancel", str(job.number))
    training.finish(process, target=HISTORY)

    assert training.count_states("train_model") == {"CANCELLED": 1, "COMPLETED": 1}
    check_training(training)


def test_node_killed_in_the_middle(training: Experiment, cluster: LocalSlurm) -> None:
    process = training.start(HISTORY)
    job = training.wait_for_checkpoint()
    cluster.kill_node(job.node)
    wait_until(
        lambda: training.count_states("train_model")["NODE_FAIL"] == 1,
        seconds=120,
        what="SLURM's notice of the lost node",
    )
    # There is no other node with a GPU: the job waits until this one is back.
    cluster.start_node(job.node)
    training.finish(process, target=HISTORY)

    assert training.count_states("train_model") == {"NODE_FAIL": 1, "COMPLETED": 1}
    check_training(training)


def test_snakemake_killed_and_started_again(training: Experiment) -> None:
    process = training.start(HISTORY)
    job = training.wait_for_checkpoint()
    process.kill()
    process.wait()
    # As profiles/README.md says: what it left in SLURM, the lock, and again.
    assert training.find_jobs("train_model")[0].state == "RUNNING"
    ask("scancel", f"--name={training.runs[0]}")
    wait_until(
        lambda: training.find_jobs("train_model")[0].state == "CANCELLED",
        seconds=30,
        what=f"the end of job {job.number}",
    )
    assert training.start("--unlock").wait(timeout=60) == 0
    training.finish(training.start(HISTORY), target=HISTORY)

    assert training.count_states("train_model") == {"CANCELLED": 1, "COMPLETED": 1}
    check_training(training)


def test_snakemake_interrupted(training: Experiment) -> None:
    process = training.start(HISTORY)
    training.wait_for_checkpoint()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    wait_until(
        lambda: training.find_jobs("train_model")[0].state == "CANCELLED",
        seconds=30,
        what="Snakemake's scancel",
    )
    training.finish(training.start(HISTORY), target=HISTORY)
    check_training(training)


def test_controller_restarted(training: Experiment, cluster: LocalSlurm) -> None:
    process = training.start(HISTORY)
    training.wait_for_checkpoint()
    cluster.stop_controller()
    with pytest.raises(TimeoutError):
        wait_for_end(process, seconds=8)
    cluster.start_controller()
    training.finish(process, target=HISTORY)

    # The job went on without the controller.
    assert training.count_states("train_model") == {"COMPLETED": 1}
    assert "going on after epoch" not in training.training_log


def wait_for_end(process: subprocess.Popen[bytes], *, seconds: float) -> None:
    """`TimeoutError` if a process still runs after this time."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError from None


def test_node_killed_during_annotation(cluster: LocalSlurm, tmp_path: Path) -> None:
    experiment = Experiment(tmp_path, frames=8)
    target = "results/tiny/annotation/area_window.json"
    process = experiment.start(target)
    frames = experiment.folder / "results/tiny/annotation/drawn"
    logs = experiment.folder / "logs/tiny/annotation/drawn"
    wait_until(
        lambda: len(list(frames.glob("*/objects.csv"))) >= 3, seconds=200, what="three frames"
    )
    job = experiment.find_jobs("annotation")[0]
    cluster.kill_node(job.node)
    finished = {path.parent.name for path in frames.glob("*/objects.csv")}
    whole = {name: list_times(logs / name, "*.log") for name in finished}
    assert len(finished) < 8
    experiment.finish(process, target=target)
    cluster.start_node(job.node)

    jobs = experiment.find_jobs("annotation")
    assert [each.state for each in jobs] == ["NODE_FAIL", "COMPLETED"]
    assert jobs[1].node != job.node
    assert len(list(frames.glob("*/objects.csv"))) == 8
    # What was whole was not made again: its logs are those of the first attempt.
    assert whole == {name: list_times(logs / name, "*.log") for name in finished}
    assert not list(frames.glob("*/foreground.tif"))  # temporary
    assert not (experiment.folder / "results/.kept").exists()

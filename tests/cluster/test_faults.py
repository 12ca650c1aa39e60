"""What goes wrong on a cluster: each run ends complete, and nothing whole is made twice."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from local_slurm import LocalSlurm, ask, list_job_processes, wait_until

from conftest import REPOSITORY, Experiment, add_resources

HISTORY = "results/tiny/training/loss.csv"
EPOCHS = 20


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the training images are there and the training is next."""
    made = Experiment(tmp_path_factory.mktemp("annotated"), epochs=EPOCHS)
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


def suffer(fault: Callable[..., None], annotated: Path, folder: Path, *more: LocalSlurm) -> None:
    """Train with a fault on the way; at the end, the annotation must not have been made again."""
    shutil.copytree(annotated, folder)
    made = list_times(annotated / "results/tiny/annotation")
    fault(Experiment(folder, epochs=EPOCHS, is_new=False), *more)
    left = list_times(folder / "results/tiny/annotation")
    assert left
    assert left.items() <= made.items()


def list_times(folder: Path) -> dict[str, int]:
    """When each file was written, in ns."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def check_training(training: Experiment) -> None:
    """All epochs are there, once each, and the last job went on from an earlier one's."""
    lines = (training.folder / HISTORY).read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [str(i + 1) for i in range(EPOCHS)]
    assert "going on after epoch" in training.training_log
    assert (training.folder / "results/tiny/model/weights_best.h5").is_file()


def run_out_of_time(training: Experiment) -> None:
    process = training.start(*add_resources("train_model:runtime=attempt+1"), HISTORY)
    job = training.wait_for_checkpoint()
    # A job that hangs. Its time is two minutes; SLURM looks twice a minute.
    for number in list_job_processes(job.number):
        if "train_model.py" in Path(f"/proc/{number}/cmdline").read_text():
            os.kill(number, signal.SIGSTOP)
    training.finish(process, target=HISTORY)

    assert training.count_states("train_model")["TIMEOUT"] >= 1
    assert training.count_states("train_model")["COMPLETED"] == 1
    check_training(training)


def run_out_of_memory(training: Experiment) -> None:
    process = training.start(*add_resources("train_model:mem_mb=600+1400*(attempt-1)"), HISTORY)
    training.finish(process, target=HISTORY)

    states = [job.state for job in training.find_jobs("train_model")]
    assert states == ["FAILED", "COMPLETED"]
    memory = [job.request["mem"] for job in training.find_jobs("train_model")]
    assert memory == ["600M", "2000M"]


def cancel_job(training: Experiment) -> None:
    process = training.start(HISTORY)
    job = training.wait_for_checkpoint()
    ask("scancel", str(job.number))
    training.finish(process, target=HISTORY)

    assert training.count_states("train_model") == {"CANCELLED": 1, "COMPLETED": 1}
    check_training(training)


def kill_snakemake(training: Experiment) -> None:
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


def interrupt_snakemake(training: Experiment) -> None:
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


# They leave the cluster itself alone and wait most of the time.
SIDE_BY_SIDE = [
    run_out_of_time,
    cancel_job,
    kill_snakemake,
    interrupt_snakemake,
    run_out_of_memory,
]


@pytest.fixture(scope="module")
def outcomes(
    slurm: LocalSlurm, annotated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[None]]]:
    """All faults that can happen at the same time, by name."""
    folder = tmp_path_factory.mktemp("faults")
    with ThreadPoolExecutor(len(SIDE_BY_SIDE)) as pool:
        yield {
            fault.__name__: pool.submit(suffer, fault, annotated, folder / fault.__name__)
            for fault in SIDE_BY_SIDE
        }


@pytest.mark.parametrize("fault", [fault.__name__ for fault in SIDE_BY_SIDE])
def test_training_survives(fault: str, outcomes: Mapping[str, Future[None]]) -> None:
    outcomes[fault].result()


def lose_node(training: Experiment, cluster: LocalSlurm) -> None:
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


def restart_controller(training: Experiment, cluster: LocalSlurm) -> None:
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


@pytest.mark.parametrize("fault", [lose_node, restart_controller], ids=lambda fault: fault.__name__)
def test_training_survives_alone(
    fault: Callable[..., None], annotated: Path, cluster: LocalSlurm, tmp_path: Path
) -> None:
    suffer(fault, annotated, tmp_path / "training", cluster)


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
    wait_until(
        lambda: len(list(frames.glob("*/objects.csv"))) >= 3, seconds=200, what="three frames"
    )
    job = experiment.find_jobs("annotation")[0]
    cluster.kill_node(job.node)
    assert len(list(frames.glob("*/objects.csv"))) < 8
    experiment.finish(process, target=target)
    cluster.start_node(job.node)

    jobs = experiment.find_jobs("annotation")
    assert [each.state for each in jobs] == ["NODE_FAIL", "COMPLETED"]
    assert jobs[1].node != job.node
    assert len(list(frames.glob("*/objects.csv"))) == 8

"""The cluster that all tests of this folder share, and a small experiment to send to it."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from local_slurm import LocalSlurm, ask, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def slurm() -> Iterator[LocalSlurm]:
    with LocalSlurm() as cluster:
        yield cluster


@pytest.fixture
def cluster(slurm: LocalSlurm) -> Iterator[LocalSlurm]:
    """The cluster, idle before and after the test."""
    wait_until(lambda: not slurm.list_running(), seconds=60, what="the jobs of the last test")
    slurm.wait_for_nodes()
    yield slurm
    jobs = ask("squeue", "--noheader", "--format=%i").split()
    if jobs:
        ask("scancel", *jobs)


def add_resources(*entries: str) -> list[str]:
    """The option for more resources beside those of the profile, which it would replace."""
    profile = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())
    given = [
        f"{rule}:{name}={value}"
        for rule, resources in profile["set-resources"].items()
        for name, value in resources.items()
    ]
    return ["--set-resources", *given, *entries, "--"]


@dataclass
class Job:
    """A SLURM job as `scontrol` shows it."""

    number: int
    names: str  # rule_NAME or group_NAME, with wildcards
    state: str
    partition: str
    node: str
    gpus: str  # gres:gpu:1, or nothing
    request: dict[str, str] = field(default_factory=dict)


def list_jobs(run: str) -> list[Job]:
    """All jobs of a Snakemake run, in the order of their submission."""
    jobs = []
    for line in ask("scontrol", "--oneliner", "show", "job").splitlines():
        values = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if values.get("JobName") == run:
            request = dict(word.split("=", 1) for word in values["TRES"].split(","))
            jobs.append(
                Job(
                    number=int(values["JobId"]),
                    names=values["Comment"],
                    state=values["JobState"],
                    partition=values["Partition"],
                    node=values["NodeList"],
                    gpus=values.get("TresPerJob", ""),
                    request=request,
                )
            )
    return sorted(jobs, key=lambda job: job.number)


def draw_nuclei(shape: tuple[int, int], n: int, seed: int) -> np.ndarray:
    """A grey image with round, bright nuclei on a noisy ground, in uint16."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, 200.0)
    for _ in range(n):
        row, column = rng.uniform(8, shape[0] - 8), rng.uniform(8, shape[1] - 8)
        radius = rng.uniform(5, 7)
        image[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = 1500
    return rng.normal(image, 40).clip(0, 65535).astype(np.uint16)


@dataclass
class Experiment:
    """A folder with drawn stills, a sample sheet and a configuration; and runs in it."""

    folder: Path
    epochs: int = 2
    steps: int = 4
    frames: int = 3
    side: int = 96
    is_new: bool = True

    def __post_init__(self) -> None:
        if not self.is_new:
            return
        (self.folder / "images").mkdir()
        for i in range(self.frames):
            image = draw_nuclei((self.side, self.side), self.side**2 // 700, i)
            tifffile.imwrite(self.folder / f"images/{i:03d}.tif", image)
        (self.folder / "samples.tsv").write_text(
            "experiment\tsample\timages\tkind\ttrain\ntiny\tdrawn\timages/*.tif\tstills\tall\n"
        )
        (self.folder / "config.yaml").write_text(
            f"samples: samples.tsv\ntrain: {{epochs: {self.epochs}, steps_per_epoch: {self.steps},"
            f" patch_px: 64, device: auto}}\npredict: {{megapixels_per_job: 200}}\n"
        )

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start Snakemake as on a login node; its output goes to snakemake.log."""
        command = [
            *(sys.executable, "-m", "snakemake", "--profile", "profiles/slurm"),
            *("--directory", str(self.folder), "--configfile", str(self.folder / "config.yaml")),
            # The default, 40 s, suits jobs of minutes.
            *("--slurm-init-seconds-before-status-checks", "2"),
            # Files are seen at once here.
            *("--latency-wait", "5"),
            *options,
        ]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        with (self.folder / "snakemake.log").open("ab") as out:
            return subprocess.Popen(
                command, cwd=REPOSITORY, stdout=out, stderr=out, env=os.environ | {"PATH": path}
            )

    def finish(
        self, process: subprocess.Popen[bytes], *, target: str = "all", seconds: float = 600
    ) -> None:
        """Wait for the end of a run that must be complete."""
        try:
            status = process.wait(timeout=seconds)
        finally:
            if process.poll() is None:
                process.kill()
        assert status == 0, self.output[-6000:]
        self.check_complete(target)

    @property
    def output(self) -> str:
        """What Snakemake said so far."""
        return (self.folder / "snakemake.log").read_text()

    @property
    def runs(self) -> list[str]:
        """The names under which the runs so far stand in `squeue`."""
        mark = "SLURM run ID: "
        return [line.split(mark)[1] for line in self.output.splitlines() if mark in line]

    @property
    def jobs(self) -> list[Job]:
        """All SLURM jobs of all runs so far."""
        return [job for run in self.runs for job in list_jobs(run)]

    def find_jobs(self, rule: str) -> list[Job]:
        return [job for job in self.jobs if rule in job.names]

    def count_states(self, rule: str) -> Counter[str]:
        return Counter(job.state for job in self.find_jobs(rule))

    def wait_for_job(self, rule: str) -> Job:
        """The job of a rule, as soon as it runs."""

        def running() -> list[Job]:
            return [job for job in self.find_jobs(rule) if job.state == "RUNNING"]

        wait_until(running, seconds=300, what=f"a job of {rule}")
        return running()[0]

    def wait_for_checkpoint(self) -> Job:
        """The training job, as soon as it has finished an epoch."""
        checkpoint = self.folder / "results/tiny/rounds/0/checkpoint.npz"
        wait_until(checkpoint.exists, seconds=600, what="a checkpoint")
        return self.wait_for_job("train_model")

    @property
    def training_log(self) -> str:
        return (self.folder / "logs/tiny/rounds/0/train_model.log").read_text()

    def check_complete(self, target: str) -> None:
        """Nothing is left to do, and no unfinished file lies about."""
        left = subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"),
                *("--directory", str(self.folder)),
                *("--configfile", str(self.folder / "config.yaml"), "--", target),
            ],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Nothing to be done" in left.stdout + left.stderr
        files = [
            path
            for path in (self.folder / "results").rglob("*")
            if path.is_file() and path.name != ".snakemake_timestamp"
        ]
        assert files
        assert not [path for path in files if path.stat().st_size == 0]
        assert not [path for path in files if "partial" in path.name or "checkpoint" in path.name]


@pytest.fixture
def experiment(cluster: LocalSlurm, tmp_path: Path) -> Experiment:
    return Experiment(tmp_path)

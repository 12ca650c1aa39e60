"""A cluster with accounting, asked with sacct instead of squeue."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_slurm import LocalSlurm, ask

from conftest import Experiment


@pytest.fixture(scope="module")
def accounting() -> Iterator[LocalSlurm]:
    with LocalSlurm(accounting=True) as cluster:
        yield cluster


@pytest.mark.usefixtures("accounting")
def test_run_on_a_cluster_with_accounting(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path)
    experiment.finish(experiment.start("--slurm-status-command", "sacct"))

    columns = "--format=JobName,State,Partition,AllocCPUS"
    lines = ask("sacct", "--allocations", "--noheader", "--parsable2", columns).splitlines()
    jobs = [line.split("|") for line in lines]
    assert {name for name, *_ in jobs} == set(experiment.runs)
    assert {state for _, state, *_ in jobs} == {"COMPLETED"}
    # annotation, selection, figures, masks, their picture, provenance and the network for other
    # programs; training and prediction
    assert sorted(partition for _, _, partition, _ in jobs) == ["cpu"] * 7 + ["gpu"] * 2

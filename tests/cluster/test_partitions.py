"""Each job runs where it should, and few jobs are submitted."""

import re
from pathlib import Path

from conftest import Experiment


def test_jobs_run_in_their_partitions(experiment: Experiment) -> None:
    experiment.finish(experiment.start())

    jobs = experiment.jobs
    assert {job.state for job in jobs} == {"COMPLETED"}
    on_gpu = [job for job in jobs if "train_model" in job.names or "predict" in job.names]
    assert len(on_gpu) == 2
    for job in on_gpu:
        assert (job.partition, job.node, job.gpus) == ("gpu", "gpu1", "gres:gpu:1")
    for job in jobs:
        if job not in on_gpu:
            assert job.partition == "cpu"
            assert job.node in ("cpu1", "cpu2")
            assert job.gpus == ""
    # annotation, selection, training, prediction, masks with their quality, figures of the
    # annotation, picture of the masks, provenance, the network for other programs
    assert len(jobs) == 9


def test_annotation_of_91_frames_is_at_most_12_submissions(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path, frames=91, side=64)
    assert experiment.start("--dry-run").wait(timeout=120) == 0

    groups = re.findall(r"Group job (\w+) ", experiment.output)
    assert 2 <= len([group for group in groups if group not in ("masks", "figures")]) <= 12
    assert groups.count("masks") == 1
    assert groups.count("figures") == 1

"""What a run says with `--logger words`: steps and what is wrong, not every job."""

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_words as words
from conftest import find_one, run_snakemake

STEPS = """
rule all:
    input:
        expand("{number}.txt", number=range(6)),
        "network.txt",


rule draw_number:
    output:
        "{number}.txt",
    shell:
        "touch {output}"


rule train_model:
    output:
        "network.txt",
    resources:
        runtime=60,
    shell:
        "CALL {output}"


logger.info("What was read")
logger.warning("Frame 3 is black")
"""


def write_steps(folder: Path, call: str) -> Path:
    (folder / "Snakefile").write_text(STEPS.replace("CALL", call))
    return folder / "Snakefile"


def test_steps_are_told_in_words(tmp_path: Path) -> None:
    run = run_snakemake(tmp_path, "--logger", "words", snakefile=write_steps(tmp_path, "touch"))
    assert run.code == 0, run.all
    lines = run.said.splitlines()
    for own in ("What was read", "Frame 3 is black"):
        find_one(lines, own)
    told = [line for line in lines if "steps done. Now:" in line]
    assert re.fullmatch(r"\d+:\d\d \d of 8 steps done. Now: .+", told[0])
    find_one(told, "Now: train model")
    assert not any(line.endswith("all") for line in told)
    for everyday in ("Execute", "jobid", "rule draw_number", "Finished jobid"):
        assert everyday not in run.said


def test_what_is_wrong_and_a_dry_run_are_told_as_ever(tmp_path: Path) -> None:
    steps = write_steps(tmp_path, "no_command")
    planned = run_snakemake(tmp_path, "--logger", "words", "-n", snakefile=steps)
    assert planned.jobs == {"draw_number": 6, "train_model": 1}
    run = run_snakemake(tmp_path, "--logger", "words", "-k", snakefile=steps)
    assert run.code != 0
    assert "Error in rule train_model:" in run.said
    assert "no_command" in run.said


def test_a_line_each_few_seconds_and_one_for_each_long_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(words.time, "monotonic", lambda: now[0])
    handler = words.LogHandler(SimpleNamespace(dryrun=False), None)  # type: ignore[arg-type]

    def log(event: LogEvent, **fields: Any) -> None:
        made = {"name": "", "levelno": logging.INFO, "pathname": "jobs.py", "event": event}
        handler.emit(logging.makeLogRecord(made | fields))

    def start(rule: str, seconds: float, runtime: int = 1, **wildcards: str) -> None:
        now[0] += seconds
        log(
            LogEvent.JOB_INFO,
            rule_name=rule,
            output=["a"],
            wildcards=wildcards,
            resources={"runtime": runtime},
        )

    log(LogEvent.RUN_INFO, stats={"total": 153})
    start("split_nuclei", 0, sample="train", frame="0003")
    start("split_nuclei", 3)
    log(LogEvent.PROGRESS, done=2, total=153)
    start("train_model", 1, runtime=38, experiment="movie")
    start("measure_nuclei", 1)
    start("link_nuclei", 90)
    assert capsys.readouterr().err.splitlines() == [
        "0:00 0 of 153 steps done. Now: split nuclei, train 0003",
        "0:04 2 of 153 steps done. Now: train model, movie",
        "1:35 2 of 153 steps done. Now: link nuclei",
    ]

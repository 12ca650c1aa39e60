"""Self-training: one round as it runs, and a second one that has nothing to gain."""

import json
from pathlib import Path

import yaml

from autonuclei.io.tables import read_table
from conftest import draw_project, run_snakemake

MODEL = "results/tiny/model"


def set_rounds(folder: Path, number: int) -> None:
    path = folder / "config" / "config.yaml"
    settings = yaml.safe_load(path.read_text())
    # The smaller disks, those of the first field, are rejected at first.
    settings["annotate"]["area_tolerance"] = 0.05
    settings["self_training"] = {"rounds": number}
    path.write_text(yaml.safe_dump(settings))


def test_rounds_stop_when_there_is_no_gain(tmp_path: Path) -> None:
    draw_project(tmp_path)
    set_rounds(tmp_path, 1)
    run = run_snakemake(tmp_path, "--", MODEL)
    assert run.code == 0, run.all
    results = tmp_path / "results" / "tiny"
    table = read_table(results / "training" / "rounds.csv")
    assert table["round"].tolist() == [0, 1]
    assert table["is_kept"].sum() == 1
    assert ((table["agreement"] > 0) & (table["agreement"] <= 1)).all()
    assert table["n_before"][1] == table["n_kept"][1] + table["n_dropped"][1] == 9
    assert table["changed_px"][1] > 0
    best = int(table["agreement"].argmax())
    weights = [results / f"rounds/{n}/model/weights_best.h5" for n in (0, 1)]
    assert weights[0].read_bytes() != weights[1].read_bytes()
    assert (results / "model" / "weights_best.h5").read_bytes() == weights[best].read_bytes()
    assert "Nothing to be done" in run_snakemake(tmp_path, "--", MODEL).all

    # Had the first round lost, the second one would spend no training.
    path = results / "rounds" / "1" / "criterion.json"
    before = path.read_text()
    lost = json.dumps(json.loads(before) | {"agreement": 0.0})
    # A result that has become smaller counts as cut short and is made again.
    path.write_text(lost.ljust(len(before)))
    set_rounds(tmp_path, 2)
    run = run_snakemake(tmp_path, "--", "results/tiny/rounds/2/model")
    assert run.code == 0, run.all
    log = (tmp_path / "logs" / "tiny" / "rounds" / "2" / "train_model.log").read_text()
    assert "no training: " in log
    assert "epoch" not in log
    passed_on = results / "rounds" / "2" / "model" / "weights_best.h5"
    assert passed_on.read_bytes() == weights[0].read_bytes()

"""When rounds of self-training stop, and which network is passed on."""

import json
from pathlib import Path

import pytest

from autonuclei.train.rounds import can_gain, copy_network, find_best_round, read_criterion


@pytest.mark.parametrize(
    ("criteria", "best", "goes_on"),
    [
        ([], 0, True),
        ([0.8], 0, True),
        ([0.8, 0.9], 1, True),
        ([0.8, 0.8], 0, False),
        ([0.8, 0.7], 0, False),
        ([float("nan"), 0.1], 1, True),
        ([0.1, float("nan")], 0, False),
    ],
)
def test_rounds_stop_when_the_last_did_not_gain(
    criteria: list[float], best: int, goes_on: bool
) -> None:
    assert can_gain(criteria, n_nuclei=1, changed_px=1) is goes_on
    # The first training has no annotation before it that could have changed.
    assert can_gain(criteria, n_nuclei=1, changed_px=0) is (not criteria)
    assert can_gain(criteria, n_nuclei=0, changed_px=1) is (not criteria)
    assert find_best_round(criteria) == best


@pytest.mark.parametrize(("written", "read"), [(0.5, 0.5), (None, float("nan"))])
def test_criterion_of_a_round(tmp_path: Path, written: float | None, read: float) -> None:
    path = tmp_path / "criterion.json"
    path.write_text(json.dumps({"round": 1, "agreement": written}))
    assert read_criterion(path) == pytest.approx(read, nan_ok=True)


def test_the_network_of_a_round_is_passed_on_whole(tmp_path: Path) -> None:
    (tmp_path / "0/model").mkdir(parents=True)
    (tmp_path / "0/model/weights_best.h5").write_bytes(b"weights")
    (tmp_path / "0/loss.csv").write_text("epoch\n1\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/older.h5").touch()
    copy_network(
        tmp_path / "0/model",
        tmp_path / "0/loss.csv",
        to_model=tmp_path / "model",
        to_history=tmp_path / "training/loss.csv",
    )
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["weights_best.h5"]
    assert (tmp_path / "training/loss.csv").read_text() == "epoch\n1\n"

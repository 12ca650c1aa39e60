"""Variants, parting and table of `make ablation`."""

import itertools
import math
import runpy
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from shapes import draw_disks

ROOT = Path(__file__).resolve().parents[3]
ABLATION = runpy.run_path(str(ROOT / "research" / "ablation.py"))
PRESET = yaml.safe_load((ROOT / "config" / "presets" / "englbrecht2021.yaml").read_text())


def test_the_changes_lead_from_the_published_procedure_to_the_default() -> None:
    variants = ABLATION["make_variants"](PRESET)
    published, default = variants["paper-preset"], variants["default"]
    differ = set(ABLATION["list_changes"](published, default)) - ABLATION["NO_EFFECT"]
    changed = set()
    for name, settings in variants.items():
        if "+" in name and name.startswith("paper"):
            keys = ABLATION["list_changes"](published, settings)
            assert keys, name
            changed |= set(keys)
    assert changed == differ
    for name in ABLATION["CHANGES"]:
        without = variants[f"default-{name}"]
        added = set(ABLATION["list_changes"](published, variants[f"paper-preset+{name}"]))
        assert set(ABLATION["list_changes"](without, default)) == added, name
    assert variants["default"]["self_training"]["rounds"] == 0
    assert variants["default+2-rounds"]["self_training"]["rounds"] == 2


def test_a_change_without_a_name_is_told() -> None:
    annotate = PRESET["annotate"] | {"minimum_area_px": 11}
    with pytest.raises(ValueError, match=r"annotate\.minimum_area_px"):
        ABLATION["make_variants"](PRESET | {"annotate": annotate})


def test_no_image_is_in_training_and_test() -> None:
    rows = [{"id": f"{i:03d}", "group": "a", "paper_subset": ""} for i in range(50)]
    rows += [{"id": f"b{i}", "group": "b", "paper_subset": "test/1"} for i in range(2)]
    rows += [{"id": f"c{i}", "group": "c", "paper_subset": "training/1"} for i in range(6)]
    split = ABLATION["split_groups"](reversed(rows))
    assert list(split) == ["a", "c", "paper_subset"]
    for parts in split.values():
        assert not set(parts["train"]) & set(parts["test"])
    assert len(split["a"]["train"]) == ABLATION["MOST_TRAINING"]
    assert split["a"]["train"][0] == "000"
    assert split["a"]["test"] == [f"{i:03d}" for i in range(1, 50, 2)]
    assert split["paper_subset"]["test"] == ["b0", "b1"]


def test_a_network_that_finds_what_was_annotated_agrees_with_it() -> None:
    places = range(20, 200, 40)
    labels = draw_disks((200, 200), itertools.product(places, places), 9)
    image = np.where(labels > 0, 150, 20).astype(np.uint8)
    image += np.random.default_rng(0).integers(0, 9, image.shape, dtype=np.uint8)
    images = [image, image[::-1].copy()]
    default = ABLATION["make_variants"](PRESET)["default"]
    annotations = ABLATION["annotate"](images, default)

    def find_nuclei(image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int32], list[float]]:
        nuclei = next(one.nuclei for one in annotations if (one.image == image).all())
        return nuclei, [0.9] * int(nuclei.max())

    group = ABLATION["Group"]("drawn", images, [], images, [])
    found = [find_nuclei(image) for image in images]
    scores = ABLATION["judge_network"](group, annotations, annotations, find_nuclei, default, found)
    assert scores["agreement"] == 1
    assert scores["accepted"] > 0.9
    assert scores["verdict"] in {"good", "look"}


def test_the_default_is_compared_with_both_ends() -> None:
    scores = {
        ("a", "default"): [{"f1 0.5": 0.8}, {"f1 0.5": 0.9}],
        ("a", "paper-preset"): [{"f1 0.5": 0.7}],
        ("a", "manual-labels"): [{"f1 0.5": 0.87}],
        ("b", "default"): [{"f1 0.5": 0.5}],
        ("b", "manual-labels"): [{"f1 0.5": 0.6}],
    }
    preset, manual = ABLATION["compare_variants"](scores)
    assert preset.endswith("in 1 of 1 groups.")
    assert manual.endswith("in 1 of 2 groups; not in b (-0.100).")


def test_table_has_mean_and_spread() -> None:
    runs = [
        {"f1 0.5": 0.9, "f1 0.8": 0.7, "f1 0.9": math.nan, "mean iou": 0.8, "verdict": "",
         "measured": "2026-11-28"},
        {"f1 0.5": 0.8, "f1 0.8": 0.7, "f1 0.9": 0.5, "mean iou": 0.8, "verdict": "good",
         "measured": "2026-11-29"},
    ]  # fmt: skip
    lines = ABLATION["format_rows"]({("a", "default"): runs})
    assert len(lines) == 3
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == [
        "a",
        "default",
        "2",
        "0.850 ± 0.071",
        "0.700 ± 0.000",
        "0.500",
        "0.800 ± 0.000",
        "",
        "",
        "good",
        "2026-11-28",
    ]


def make_row(group: str, variant: str, seed: int, f1: float, epochs: int = 30) -> dict[str, str]:
    keys = {"epochs": epochs, "steps_per_epoch": 50, "precision": "mixed", "seed": seed}
    figures = {"f1 0.5": f1, "f1 0.8": 0.5, "f1 0.9": 0.1, "mean iou": 0.6}
    row = {"group": group, "variant": variant, "made with": "0"} | keys | figures
    return {key: str(value) for key, value in row.items()}


def test_rows_of_several_runs_make_one_page(tmp_path: Path) -> None:
    table = tmp_path / "accuracy.csv"
    assert ABLATION["read_rows"](table) == []
    for group, seed in itertools.product(("a", "b"), (1, 2)):
        ABLATION["keep_row"](table, make_row(group, "default", seed, 0.7))
        ABLATION["keep_row"](table, make_row(group, "paper-preset", seed, 0.6))
    ABLATION["keep_row"](table, make_row("a", "default", 1, 0.9))
    ABLATION["keep_row"](table, make_row("a", "paper-preset", 1, 0.95, epochs=100))
    rows = ABLATION["read_rows"](table)
    assert len(rows) == 9
    split = {"b": {"train": [1, 2], "test": [3]}, "a": {"train": [1], "test": []}}
    page = ABLATION["format_page"](rows, split, ["paper-preset", "default"])
    short, long = page.split("\n## ")[2:]
    assert "| a | default | 2 | 0.800 ± 0.141 |" in short
    assert "in 2 of 2 groups." in short
    assert 'GROUPS="b a" VARIANTS="paper-preset default" EPOCHS=30 STEPS=50' in short
    # Seed 1 gains 0.3 and 0.1, seed 2 twice 0.1.
    assert "| default | 2 | 2 | +0.150 ± 0.071 | +0.000 ± 0.000 |" in short
    assert "| a | paper-preset | 1 | 0.950 |" in long
    assert "gains" not in long
    # There the default of the short runs, on the mean 0.8 in group a.
    assert "in 0 of 1 groups; not in a (-0.150)." in long
    assert "This default had 30 epochs of 50 steps." in long
    assert "This default" not in short
    assert "SEEDS=1" in long


def test_gains_are_over_seeds_that_all_groups_have() -> None:
    runs = {
        ("a", "otsu-watershed"): [0.5],
        ("b", "otsu-watershed"): [0.7],
        ("a", "paper-preset"): [0.4, 0.5],
        ("b", "paper-preset"): [0.6, 0.8],
        ("a", "paper-preset+levels"): [0.5, 0.5],
        ("b", "paper-preset+levels"): [0.5],
        ("c", "paper-preset+levels"): [0.5],
    }
    scores = {
        key: [
            dict.fromkeys(ABLATION["FIGURES"], value) | {"seed": str(seed)}
            for seed, value in enumerate(values, start=1)
        ]
        for key, values in runs.items()
    }
    _, _, otsu, levels = ABLATION["format_gains"](scores, "paper-preset")
    assert otsu.startswith("| otsu-watershed | 2 | 2 | +0.025 ± 0.106 |")
    assert levels.startswith("| paper-preset+levels | 2 | 1 | +0.000 |")


def test_gains_on_the_default_are_of_its_own_variants() -> None:
    runs = {"paper-preset": 0.5, "default": 0.8, "default-levels": 0.7, "default+1-round": 0.9}
    scores = {
        ("a", name): [dict.fromkeys(ABLATION["FIGURES"], value) | {"seed": "1"}]
        for name, value in runs.items()
    }
    _, _, levels, rounds = ABLATION["format_gains"](scores, "default")
    assert levels.startswith("| default-levels | 1 | 1 | -0.100 |")
    assert rounds.startswith("| default+1-round | 1 | 1 | +0.100 |")
    assert len(ABLATION["format_gains"](scores, "paper-preset")) == 5


def make_once(path: Path) -> bool:
    with ABLATION["claim"](path) as is_missing:
        if is_missing:
            time.sleep(0.2)  # another one comes meanwhile
            path.touch()
        return is_missing


def test_what_two_tasks_share_is_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make_once, [tmp_path / "new" / "a"] * 4)) == [False] * 3 + [True]
    assert make_once(tmp_path / "new" / "b")

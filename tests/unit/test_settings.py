"""The settings, the configuration as shipped, the preset and the table for users agree."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from autonuclei import settings as module
from autonuclei.errors import InputError
from autonuclei.settings import (
    AnnotateSettings,
    Settings,
    build_schema,
    check_configuration,
    list_problems,
    read_settings,
    tabulate_settings,
    to_dict,
)

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = build_schema()
SHIPPED = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
PRESETS = sorted((ROOT / "config" / "presets").glob("*.yaml"))


def list_options(rule: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, inner in rule["properties"].items():
        if "properties" in inner and key != "pathvars":
            yield from list_options(inner, f"{path}{key}.")
        else:
            yield f"{path}{key}", inner


OPTIONS = dict(list_options(SCHEMA))


def list_keys(given: dict[str, Any], path: str = "") -> list[str]:
    keys = []
    for key, value in given.items():
        known = f"{path}{key}" in OPTIONS
        keys += [f"{path}{key}"] if known else list_keys(value, f"{path}{key}.")
    return keys


@pytest.mark.parametrize("key", OPTIONS)
def test_every_option_is_described_typed_and_bounded(key: str) -> None:
    rule = OPTIONS[key]
    assert "type" in rule or "enum" in rule
    assert rule["description"].endswith(".")
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if {"number", "integer"} & set(kinds):
        assert {"minimum", "exclusiveMinimum"} & set(rule)
    if "object" in kinds:
        assert "additionalProperties" in rule


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_an_empty_configuration_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings(to_dict(Settings())) == Settings()


def test_shipped_configuration_lists_every_key_with_its_default() -> None:
    assert list_keys(SHIPPED) == list(OPTIONS)  # in the same order, too
    assert read_settings(SHIPPED) == Settings()


def test_the_table_for_users_is_that_of_the_settings() -> None:
    page = (ROOT / "config" / "README.md").read_text()
    table = page.split(module.TABLE_BEGINS)[1].split(module.TABLE_ENDS)[0]
    assert table == tabulate_settings(), "run `make docs`"
    for key in OPTIONS:
        assert f"\n| `{key}` |" in table


@pytest.mark.parametrize("path", PRESETS, ids=[path.stem for path in PRESETS])
def test_presets_fit(path: Path) -> None:
    read_settings(yaml.safe_load(path.read_text()))


def test_published_procedure_stays_as_published() -> None:
    preset = read_settings(yaml.safe_load((PRESETS[0].parent / "englbrecht2021.yaml").read_text()))
    annotate, train = preset.annotate, preset.train
    assert (annotate.threshold_factor, annotate.area_tolerance) == (1, 0.5)
    assert (annotate.rejected, annotate.noise_grey) == ("noise", (0, 50))
    assert (train.rays, train.grid, train.patch_px, train.batch) == (32, 2, 64, 4)
    assert (train.steps_per_epoch, train.epochs) == (256, 100)
    assert (train.learning_rate, train.augment) == (0.0003, "none")


def test_values_have_the_types_that_functions_take() -> None:
    given = read_settings({"preprocess": {"crop": [0, 8, 0, 9]}, "annotate": {"cut_clumps": False}})
    assert given.preprocess.crop == (0, 8, 0, 9)
    assert given.annotate == AnnotateSettings(cut_clumps=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sample": "a"}, "'sample' is not known here"),
        ({1: 2}, "'1' is not known here"),
        ({"train": {"epoch": 1}}, "'train.epoch' is not known here"),
        ({"train": {"epochs": 0}}, "'train.epochs' must be at least 1, but is 0. Epochs"),
        ({"train": {"epochs": 1.5}}, "'train.epochs' must be of type integer"),
        ({"train": {"device": "tpu"}}, "'train.device' must be one of auto, gpu, cpu"),
        ({"train": {"grid": 3}}, "'train.grid' must be one of 1, 2, 4, but is 3"),
        ({"train": {"patch_px": 65}}, "'train.patch_px' is not of the right form"),
        ({"train": {"diameter_px": [40, 20]}}, "train.diameter_px: [40, 20]; give the least first"),
        ({"train": None}, "'train' must be of type object"),
        ({"preprocess": {"crop": [0, 1, 2]}}, "'preprocess.crop' is not of the right form"),
        ({"preprocess": {"crop": [5, 5, 0, 9]}}, "preprocess.crop: [5, 5, 0, 9] is empty"),
        ({"preprocess": {"scale": 0}}, "'preprocess.scale' must be more than 0"),
        ({"annotate": {"noise_grey": [50, 0]}}, "annotate.noise_grey: [50, 0]; give the least"),
        ({"pathvars": {"result": "x"}}, "'pathvars.result' is not known here"),
        ({"pathvars": 2}, "'pathvars' must be of type object"),
        ({"models": {"a": 1}}, "'models.a' must be of type string"),
        ({"export": {"models": "onnx"}}, "'export.models' is not of the right form"),
        ({"export": {"models": ["onnx", "tf"]}}, "export.models: 'tf' is not known. Known are: on"),
        ({"export": {"outlines": ["fiji"]}}, "export.outlines: 'fiji' is not known. Known are: im"),
        ({"seed": -1}, "'seed' must be at least 0"),
    ],
)
def test_wrong_settings_are_told(given: dict[Any, Any], said: str) -> None:
    with pytest.raises(InputError) as told:
        read_settings(given)
    first, *lines = str(told.value).splitlines()
    assert first == "configuration: 1 problem(s):"
    assert len(lines) == 1
    assert lines[0].startswith(f"  - {said}")


def test_all_problems_are_told_together() -> None:
    with pytest.raises(InputError, match=r"configuration: 3 problem\(s\)"):
        read_settings({"colour": 1, "seed": -1, "train": {"epochs": 0}})


def test_what_is_missing_is_told() -> None:
    schema = {"required": ["name"], "properties": {"name": {"type": "string"}}}
    assert list_problems({}, schema) == ["'name' is missing."]


def test_every_option_says_in_the_configuration_what_it_is() -> None:
    text = (ROOT / "config" / "config.yaml").read_text()
    for key in OPTIONS:
        assert re.search(rf"^\s*{key.rpartition('.')[2]}:", text, re.MULTILINE), key


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"seed: 1 # caf\xe9\n", "is not UTF-8 text (byte 14)"),
        (b"models: &a {b: *a}\n", "has an anchor"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nmodels: *b\n", "has an anchor"),
        (b"pathvars: 2\n", "pathvars is 2. Give {results: path, logs: path}"),
        (b"pathvars:\n", "pathvars is None"),
    ],
)
def test_a_configuration_that_snakemake_stumbles_over(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        check_configuration(path)
    assert str(refused.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(refused.value)


def test_other_configurations_are_for_others_to_judge(tmp_path: Path) -> None:
    check_configuration(tmp_path / "none.yaml")
    for text in ("seed: 3\n", "", "[1, 2]\n", "a: b: c\n", "# *a\nsamples: '*x'\n"):
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8-sig")
        check_configuration(tmp_path / "config.yaml")
    for path in (ROOT / "config").rglob("*.yaml"):
        check_configuration(path)

"""The schemas, the configuration as shipped and the presets agree."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from autonuclei.settings import fill_defaults, list_problems
from autonuclei.track.linking import LinkSettings
from autonuclei.train.training import TrainingSettings

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = {
    name: yaml.safe_load((ROOT / "workflow" / "schemas" / f"{name}.schema.yaml").read_text())
    for name in ("config", "samples")
}
SHIPPED = (ROOT / "config" / "config.yaml").read_text()
PRESETS = sorted((ROOT / "config" / "presets").glob("*.yaml"))


def list_keys(rule: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, inner in rule.get("properties", {}).items():
        yield f"{path}{key}", inner
        yield from list_keys(inner, f"{path}{key}.")


KEYS = [(name, key, rule) for name, schema in SCHEMAS.items() for key, rule in list_keys(schema)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["additionalProperties"] is False


@pytest.mark.parametrize(("name", "key", "rule"), KEYS, ids=[f"{n}-{k}" for n, k, _ in KEYS])
def test_every_key_is_described_typed_and_bounded(
    name: str, key: str, rule: dict[str, Any]
) -> None:
    assert "type" in rule or "enum" in rule
    assert len(rule["description"].split()) >= 2
    assert rule["description"].endswith(".")
    if rule.get("type") in ("number", "integer") and "enum" not in rule:
        assert {"minimum", "exclusiveMinimum"} & set(rule)
    if rule.get("type") == "object":
        assert "additionalProperties" in rule
    if name == "config" and rule.get("type") != "object" and not key.startswith("pathvars."):
        assert "default" in rule
        assert list_problems({"x": rule["default"]}, {"properties": {"x": rule}}) == []
    if name == "samples" and rule.get("type") == "string":
        assert "pattern" in rule or rule.get("minLength", 0) >= 1


def flatten(settings: dict[str, Any], rule: dict[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        inner = rule["properties"][key]
        if inner.get("properties") and "default" not in inner:
            flat |= flatten(value, inner, f"{path}{key}.")
        else:
            flat[f"{path}{key}"] = value
    return flat


def test_shipped_configuration_lists_every_key_with_its_default() -> None:
    shipped = yaml.safe_load(SHIPPED)
    assert list_problems(shipped, SCHEMAS["config"]) == []
    defaults = flatten(fill_defaults({}, SCHEMAS["config"]), SCHEMAS["config"])
    given = flatten(shipped, SCHEMAS["config"])
    assert list(given) == list(defaults)  # in the order of the schema, too
    example = {
        key
        for key in given
        if re.search(rf"^\s*{key.split('.')[-1]}:.*# example\b", SHIPPED, re.MULTILINE)
    }
    assert {key for key in given if given[key] != defaults[key]} == example
    for key in example:
        line = re.search(rf"^\s*{key.split('.')[-1]}:.*$", SHIPPED, re.MULTILINE)
        assert line is not None
        assert f"default {defaults[key]}" in line[0]


@pytest.mark.parametrize("path", PRESETS, ids=[path.stem for path in PRESETS])
def test_presets_fit(path: Path) -> None:
    preset = yaml.safe_load(path.read_text())
    assert list_problems(preset, SCHEMAS["config"]) == []
    together = copy.deepcopy(yaml.safe_load(SHIPPED))
    for section, values in preset.items():
        together[section] |= values
    assert list_problems(together, SCHEMAS["config"]) == []


def test_published_procedure_stays_as_published() -> None:
    preset = yaml.safe_load((ROOT / "config" / "presets" / "englbrecht2021.yaml").read_text())
    assert preset["annotate"]["threshold_factor"] == 1
    assert preset["annotate"]["area_tolerance"] == 0.5
    assert preset["annotate"]["rejected"] == "noise"
    assert (preset["annotate"]["noise_low"], preset["annotate"]["noise_high"]) == (0, 50)
    train = preset["train"]
    assert (train["rays"], train["grid"], train["patch_px"], train["batch"]) == (32, 2, 64, 4)
    assert (train["steps_per_epoch"], train["epochs"]) == (256, 100)
    assert (train["learning_rate"], train["augment"]) == (0.0003, "none")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sample": "a"}, "'sample' is not known here"),
        ({"train": {"epoch": 1}}, "'train.epoch' is not known here"),
        ({"train": {"epochs": 0}}, "'train.epochs' must be at least 1"),
        ({"train": {"epochs": 1.5}}, "'train.epochs' must be of type integer"),
        ({"train": {"device": "tpu"}}, "'train.device' must be one of auto, gpu, cpu"),
        ({"train": {"patch_px": 65}}, "'train.patch_px' is not of the right form"),
        ({"preprocess": {"crop": [0, 1, 2]}}, "'preprocess.crop' is not of the right form"),
        ({"preprocess": {"scale": 0}}, "'preprocess.scale' must be more than 0"),
        ({"evaluate": {"iou_thresholds": []}}, "'evaluate.iou_thresholds' is not of the right"),
        ({"seed": -1}, "'seed' must be at least 0"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, Any], said: str) -> None:
    problems = list_problems(settings, SCHEMAS["config"])
    assert len(problems) == 1
    assert problems[0].startswith(said)


@pytest.mark.parametrize(
    ("cell", "value", "good"),
    [
        ("train", "all", True),
        ("train", "5", True),
        ("train", "0:10:2", True),
        ("train", "-3:", True),
        ("train", "0", False),
        ("train", "some", False),
        ("train", "1:2:0", False),
        ("kind", "film", False),
        ("sample", "a b", False),
        ("sample", "../a", False),
        ("experiment", ".a", False),
        ("projection", "time", True),
        ("projection", "0", False),
        ("projection", "sum", False),
        ("pixel_size_um", 0.5, True),
        ("pixel_size_um", 0, False),
        ("pixel_size_um", "half", False),
        ("colour", "red", False),
    ],
)
def test_cells_of_the_sheet(cell: str, value: Any, good: bool) -> None:
    row = {"experiment": "e", "sample": "s", "images": "a.tif", "kind": "movie"} | {cell: value}
    problems = list_problems(row, SCHEMAS["samples"])
    assert (problems == []) == good
    assert len(problems) <= 1


def test_defaults_of_the_configuration_are_those_of_the_package() -> None:
    """Parameters are chosen and tested with the package's defaults."""
    keys = SCHEMAS["config"]["properties"]
    for section, settings in (("track", LinkSettings()), ("train", TrainingSettings())):
        defaults = {key: rule["default"] for key, rule in keys[section]["properties"].items()}
        defaults.pop("device", None)
        assert defaults == json.loads(json.dumps(asdict(settings))), section

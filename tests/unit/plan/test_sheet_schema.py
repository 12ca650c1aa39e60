"""What may stand in a cell of the sample sheet."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from autonuclei.settings import list_problems

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "samples.schema.yaml").read_text())


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize("column", SCHEMA["properties"])
def test_every_column_is_described_and_bounded(column: str) -> None:
    rule = SCHEMA["properties"][column]
    assert rule["description"].endswith(".")
    assert {"pattern", "minLength", "enum", "minimum", "exclusiveMinimum"} & set(rule)


def test_every_column_is_explained_to_users() -> None:
    page = (ROOT / "config" / "README.md").read_text()
    for column in SCHEMA["properties"]:
        assert f"\n| `{column}` |" in page


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
    problems = list_problems(row, SCHEMA)
    assert (problems == []) == good
    assert len(problems) <= 1

"""Problems of the configuration, all of them and in the user's words."""

from typing import Any

from autonuclei.settings import fill_defaults, list_problems

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "A name."},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        "mode": {"enum": ["fast", "slow"], "default": "fast"},
        "parts": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "size": {"type": ["number", "null"], "exclusiveMinimum": 0, "default": 1.5},
                "list": {"type": "array", "items": {"type": "number"}, "default": [1, 2]},
            },
        },
    },
}


def test_defaults_fill_what_is_missing() -> None:
    given = {"name": "a", "parts": {"size": None}}
    filled = fill_defaults(given, SCHEMA)
    assert filled == {
        "name": "a",
        "count": 3,
        "mode": "fast",
        "parts": {"size": None, "list": [1, 2]},
    }
    assert given == {"name": "a", "parts": {"size": None}}
    filled["parts"]["list"].append(3)
    assert fill_defaults(given, SCHEMA)["parts"]["list"] == [1, 2]


def test_no_problem() -> None:
    assert list_problems({"name": "a", "count": 9, "parts": {"size": None}}, SCHEMA) == []


def test_all_problems_together() -> None:
    problems = list_problems(
        {"count": 10, "mode": "medium", "colour": 1, "parts": {"size": 0, "list": ["x"], "b": 2}},
        SCHEMA,
    )
    assert sorted(problems) == sorted(
        [
            "'name' is missing.",
            "'colour' is not known here. Known are: count, mode, name, parts.",
            "'count' must be at most 9, but is 10.",
            "'mode' must be one of fast, slow, but is 'medium'.",
            "'parts.b' is not known here. Known are: list, size.",
            "'parts.size' must be more than 0, but is 0.",
            "'parts.list.0' must be of type number, but is 'x'.",
        ]
    )
    assert all("\n" not in problem for problem in problems)


def test_wrong_type_in_the_place_of_a_section() -> None:
    problems = list_problems({"name": 3, "parts": 7}, SCHEMA)
    assert problems == [
        "'name' must be of type string, but is 3. A name.",
        "'parts' must be of type object, but is 7.",
    ]

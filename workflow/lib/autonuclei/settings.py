"""Configuration and sample-sheet rows against their JSON schemas."""

import copy
from collections.abc import Mapping
from typing import Any

import jsonschema


def fill_defaults(settings: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `settings` with the defaults of `schema` where a key is missing."""
    filled = copy.deepcopy(dict(settings))
    for key, rule in schema.get("properties", {}).items():
        if "properties" in rule and isinstance(filled.get(key, {}), Mapping):
            filled[key] = fill_defaults(filled.get(key, {}), rule)
        elif "default" in rule and key not in filled:
            filled[key] = copy.deepcopy(rule["default"])
    return filled


def list_problems(settings: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Every way in which `settings` breaks `schema`, one line each, in the user's words."""
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(settings), key=lambda error: list(map(str, error.path)))
    return [line for error in errors for line in _describe(error)]


def _describe(error: jsonschema.ValidationError) -> list[str]:
    where = ".".join(str(part) for part in error.absolute_path)
    given: Any = error.instance
    rule: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties":
        known = sorted(rule.get("properties", {}))
        unknown = sorted(set(given) - set(known))
        return [
            f"'{'.'.join(filter(None, (where, key)))}' is not known here. "
            f"Known are: {', '.join(known)}."
            for key in unknown
        ]
    if error.validator == "required":
        missing = [key for key in rule.get("required", []) if key not in given]
        return [f"'{'.'.join(filter(None, (where, key)))}' is missing." for key in missing]
    said = {
        "enum": f"must be one of {', '.join(map(str, rule.get('enum', [])))}",
        "type": f"must be of type {_join_types(rule.get('type'))}",
        "minimum": f"must be at least {rule.get('minimum')}",
        "maximum": f"must be at most {rule.get('maximum')}",
        "exclusiveMinimum": f"must be more than {rule.get('exclusiveMinimum')}",
        "exclusiveMaximum": f"must be less than {rule.get('exclusiveMaximum')}",
    }.get(str(error.validator), "is not of the right form")
    help_text = " ".join(str(rule.get("description", "")).split())
    return [f"'{where}' {said}, but is {given!r}. {help_text}".rstrip()]


def _join_types(types: Any) -> str:
    return " or ".join(types) if isinstance(types, list) else str(types)

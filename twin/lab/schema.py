"""The JSON Schema of a lab file: pydantic's, its parts under names that people can read. Adds nothing to it."""

from typing import Any

from twin.lab.lab import Lab


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a lab file."""
    schema = Lab.model_json_schema(by_alias=True)
    names = {name: _readable(name, part) for name, part in schema["$defs"].items()}
    schema["$defs"] = {names[name]: part for name, part in schema["$defs"].items()}
    renamed: dict[str, Any] = _renamed(schema, {f"#/$defs/{old}": f"#/$defs/{new}" for old, new in names.items()})
    return renamed


def _readable(name: str, part: dict[str, Any]) -> str:
    """Rules are called after all of the type they give; its title, or the name of its own part, says enough."""
    wrapping, underscore, _ = name.partition("_")
    if not underscore:
        return name
    given = part["properties"]["give"] if "properties" in part else part["anyOf"][0]
    part["title"] = wrapping + given.get("$ref", given.get("title", "")).rpartition("/")[2].replace("Give", "Text")
    return str(part["title"])


def _renamed(value: Any, refs: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(part, refs) for key, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, refs) for part in value]
    return refs.get(value, value) if isinstance(value, str) else value

"""Writes what in docs/ can be read off the code: JSON Schemas, the AsyncAPI document, settings, commands, models.

``--check`` changes nothing and fails when what stands in docs/ is not what the code says.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

import histotwin
from dashboard.operations.settings import Settings
from simulations.documents import stars, stress
from tracking.events import EVENT, EVENT_TYPES
from tracking.registry import NetworkFile
from twin.lab import json_schema as lab_schema
from twin.lab import load_lab

DOCS = Path(__file__).resolve().parents[1] / "docs"
LABS = sorted((DOCS.parent / "data" / "labs").glob("*.yaml"))
TOPIC_PARAMETERS = {
    "network": {"description": "id of the network, e.g. bcps"},
    "lab": {"description": "id of the laboratory, e.g. rl4"},
    "device": {"description": "name of the device, e.g. microtome-3"},
}
REPLY = {
    "type": "object",
    "required": ["id", "verdict", "reason", "message"],
    "properties": {
        "id": {"type": ["string", "null"], "description": "id of the event answered; null where none could be read"},
        "verdict": {"enum": ["accepted", "warning", "rejected"]},
        "reason": {"type": "string", "description": "machine word"},
        "message": {"type": "string", "description": "one plain sentence"},
    },
}
ACK = {
    "type": "object",
    "required": ["boot", "sequence"],
    "properties": {
        "boot": {"type": "string"},
        "sequence": {"type": "integer", "description": "highest sequence up to which everything is stored"},
    },
}


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema of every event."""
    schema = EVENT.json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "histotwin event", **schema}


CHANNELS: dict[str, tuple[str, dict[str, Any], str]] = {
    "event": (
        "an event, stored before it is acknowledged",
        {"$ref": "./schemas/event.json"},
        "application/cloudevents+json",
    ),
    "raw": ("the bytes a plain barcode reader sends; becomes item.scanned", {"type": "string"}, "text/plain"),
    "state": ("retained: online, offline, or a device.state document", {"type": "string"}, "text/plain"),
    "ack": ("to the device, after commit", ACK, "application/json"),
    "reply": ("to the device, for each scan or refused event", REPLY, "application/json"),
}


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 description of the MQTT topics."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "histotwin on MQTT",
            "version": "1",
            "description": f"MQTT 5 and 3.1.1, QoS 1. Event types: {', '.join(EVENT_TYPES)}",
        },
        "channels": {name: _channel(name, *what) for name, what in CHANNELS.items()},
        "operations": {name: _operation(name) for name in CHANNELS},
    }


def _channel(name: str, summary: str, payload: dict[str, Any], content_type: str) -> dict[str, Any]:
    return {
        "address": f"histotwin/{{network}}/{{lab}}/{{device}}/{name}",
        "description": summary,
        "parameters": TOPIC_PARAMETERS,
        "messages": {name: {"contentType": content_type, "payload": payload}},
    }


def _operation(name: str) -> dict[str, Any]:
    action = "send" if name in {"ack", "reply"} else "receive"
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}}


def settings_page() -> str:
    """Return the page of settings."""
    rows = [
        f"| `HISTOTWIN_{name.upper()}` | {field.description} | `{field.default}` |"
        for name, field in Settings.model_fields.items()
    ]
    head = [
        "# Settings",
        "",
        "What is given on the command line counts first, then these variables, then `--config FILE`: YAML, the names",
        "in small letters without `HISTOTWIN_`.",
        "",
        "| variable | what it says | default |",
        "| --- | --- | --- |",
    ]
    return "\n".join([*head, *rows]) + "\n"


def commands_page() -> str:
    """Return the page of commands, from their own help."""
    command = get_command(histotwin.app)
    lines = ["# Commands", "", "Exit 0: done; 1: the work failed; 2: the input is wrong.", ""]
    lines += _describe(command, "histotwin")
    return "\n".join(lines) + "\n"


def _describe(command: Any, path: str) -> list[str]:
    lines = [f"## `{path}`", "", (command.help or "").strip(), ""]
    for parameter in command.params:
        name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
        about = getattr(parameter, "help", None) or ""
        lines.append(f"- `{name}` {about}".rstrip())
    lines.append("")
    for name, child in getattr(command, "commands", {}).items():
        lines += _describe(child, f"{path} {name}")
    return lines


def pages() -> dict[Path, str]:
    """Return every generated file and what it should say."""
    return {
        DOCS / "schemas" / "event.json": _json(event_schema()),
        DOCS / "schemas" / "network.json": _json(NetworkFile.model_json_schema()),
        DOCS / "schemas" / "lab.json": _json(lab_schema()),
        DOCS / "asyncapi.yaml": yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120),
        DOCS / "settings.md": settings_page(),
        DOCS / "commands.md": commands_page(),
        DOCS / "models" / "stars.md": stars(DOCS.parent),
        **{DOCS / "models" / f"{file.stem}.md": stress(load_lab(file)) for file in LABS},
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the pages, or with ``--check`` say which are not true any more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a page is not what the code says")
    check = parser.parse_args().check
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.relative_to(DOCS.parent)} is not what the code says: run `make docs`\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages()[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

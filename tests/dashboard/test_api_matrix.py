"""Every call × every role × own, foreign and all labs: generated from the app's own list of routes, default deny."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard.api_world import ApiWorld, api_world
from tracking.access import Role

OWN, FOREIGN = "rl4", "rna"
_EVENT = '{{"specversion": "1.0", "id": "x", "source": "/bcps/{lab}/reader-1", "type": "histotwin.device.state"}}'
ANYBODY, WRITERS, MANAGERS = frozenset(Role), frozenset(Role) - {Role.VIEWER}, frozenset({Role.MANAGER, Role.ADMIN})
# call: (method, address or body for a lab, who may, status where the lab is foreign; None: 200 without its data)
CALLS: dict[str, tuple[str, str, str | None, frozenset[Role], int | None]] = {
    "/api/v1/events GET": ("GET", "/api/v1/events?lab={lab}", None, ANYBODY, 404),
    "/api/v1/events POST": ("POST", "/api/v1/events", _EVENT, WRITERS, None),
    "/api/v1/scans POST": (
        "POST",
        "/api/v1/scans",
        '{{"station": "{lab}/reader-1", "raw": "{prefix}26-000001"}}',
        WRITERS,
        404,
    ),
    "/api/v1/items/{barcode:path} GET": ("GET", "/api/v1/items/{prefix}26-000001-A", None, ANYBODY, 404),
    "/api/v1/cases/{case:path} GET": ("GET", "/api/v1/cases/{prefix}26-000001", None, ANYBODY, 404),
    "/api/v1/search GET": ("GET", "/api/v1/search?q={prefix}26-000001", None, ANYBODY, None),
    "/api/v1/labs GET": ("GET", "/api/v1/labs", None, ANYBODY, None),
    "/api/v1/labs/{lab} GET": ("GET", "/api/v1/labs/{lab}", None, ANYBODY, 404),
    "/api/v1/turnaround GET": ("GET", "/api/v1/turnaround?lab={lab}", None, ANYBODY, 404),
    "/api/v1/forecast GET": ("GET", "/api/v1/forecast?lab={lab}", None, ANYBODY, 404),
    "/api/v1/rejected-events GET": ("GET", "/api/v1/rejected-events?lab={lab}", None, ANYBODY, 404),
    "/api/v1/rejected-events/{number} GET": ("GET", "/api/v1/rejected-events/{refused}", None, ANYBODY, 404),
    "/api/v1/rejected-events/{number}/bytes GET": (
        "GET",
        "/api/v1/rejected-events/{refused}/bytes",
        None,
        ANYBODY,
        404,
    ),
    "/api/v1/rejected-events/replay POST": (
        "POST",
        "/api/v1/rejected-events/replay",
        '{{"ids": [{refused}]}}',
        MANAGERS,
        404,
    ),
    "/api/v1/rejected-events/dismiss POST": (
        "POST",
        "/api/v1/rejected-events/dismiss",
        '{{"ids": [{refused}], "note": "a trial"}}',
        MANAGERS,
        404,
    ),
    "/api/v1/rejected-events/reopen POST": (
        "POST",
        "/api/v1/rejected-events/reopen",
        '{{"ids": [{refused}], "note": "no trial"}}',
        MANAGERS,
        404,
    ),
    "/api/v1/corrections GET": ("GET", "/api/v1/corrections?lab={lab}", None, ANYBODY, 404),
    "/api/v1/corrections POST": (
        "POST",
        "/api/v1/corrections",
        '{{"lab": "{lab}", "field": "step", "given": "sectioning", "meant": "microtomy", "reason": "typed"}}',
        MANAGERS,
        404,
    ),
    "/api/v1/corrections/{number} DELETE": ("DELETE", "/api/v1/corrections/{correction}", None, MANAGERS, 404),
    "/api/v1/gaps GET": ("GET", "/api/v1/gaps?lab={lab}", None, ANYBODY, 404),
    "/api/v1/gaps/close POST": (
        "POST",
        "/api/v1/gaps/close",
        '{{"device": "/{network}/{lab}/reader-1", "boot": "b", "first": 3, "last": 4, "reason": "it burnt down"}}',
        MANAGERS,
        404,
    ),
    "/api/v1/progress GET": ("GET", "/api/v1/progress", None, ANYBODY, None),
    "/api/v1/stream GET": ("GET", "/api/v1/stream?topics=nothing", None, ANYBODY, None),
}
OPEN = {"/api/v1/health GET"}
NUMBERS: dict[str, dict[str, object]] = {
    "rl4": {"prefix": "S", "network": "bcps", "refused": 3, "correction": 1},
    "rna": {"prefix": "DG", "network": "bcps", "refused": 6, "correction": 2},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiWorld]:
    with api_world(Path(tmp_path_factory.mktemp("api"))) as made:
        yield made


def _routes(world: ApiWorld) -> set[str]:
    paths = world.client(world.token(Role.VIEWER, ["rlt"])).get("/api/v1/openapi.json").json()["paths"]
    return {f"{path} {method.upper()}" for path, methods in paths.items() for method in methods}


def test_every_call_of_the_api_is_in_this_matrix(world: ApiWorld) -> None:
    said = {name.replace(":path", "") for name in CALLS.keys() | OPEN}
    assert _routes(world) == said


def ask(world: ApiWorld, call: str, lab: str, token: str | None) -> tuple[int, str]:
    method, address, body, _, _ = CALLS[call]
    words = {"lab": lab, **NUMBERS[lab]}
    content = body.format(**words) if body else None
    answer = world.client(token).request(
        method, address.format(**words), content=content, headers={"content-type": "application/json"}
    )
    return answer.status_code, answer.text


@pytest.fixture(scope="module")
def tokens(world: ApiWorld) -> dict[tuple[Role, bool], str]:
    return {(role, is_all): world.token(role, None if is_all else [OWN]) for role in Role for is_all in (True, False)}


def _expected(call: str) -> int:
    """A correction that is in force already and a stream of nothing are said to be wrong."""
    return 422 if "stream" in call or call == "/api/v1/corrections POST" else 200


@pytest.mark.parametrize("call", CALLS)
def test_nobody_gets_nothing(world: ApiWorld, call: str) -> None:
    for token in (None, "ht_wrong", ""):
        status, text = ask(world, call, OWN, token)
        assert status == 401
        assert "S26" not in text


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("call", CALLS)
def test_each_role_at_its_own_and_at_a_foreign_lab(
    world: ApiWorld, tokens: dict[tuple[Role, bool], str], call: str, role: Role
) -> None:
    who_may, foreign_status = CALLS[call][3:]
    is_allowed = role in who_may
    for is_all in (True, False):
        assert ask(world, call, OWN, tokens[role, is_all])[0] == (_expected(call) if is_allowed else 403)
    assert ask(world, call, FOREIGN, tokens[role, True])[0] == (_expected(call) if is_allowed else 403)
    before = len(world.door.taken)
    status, text = ask(world, call, FOREIGN, tokens[role, False])
    assert status == (403 if not is_allowed else foreign_status or _expected(call))
    assert {one.refusal for one in world.door.taken[before:]} <= {"out_of_scope"}
    if not (status == 404 or "/search" in call):
        assert "DG26" not in text
        assert '"Dudley' not in text
    if "/search" in call:
        assert '"results":[]' in text


def test_foreign_and_unknown_labs_sound_the_same(world: ApiWorld, tokens: dict[tuple[Role, bool], str]) -> None:
    for address in ("/api/v1/labs/{}", "/api/v1/turnaround?lab={}", "/api/v1/stream?topics=lab/{}"):
        foreign = world.get(address.format(FOREIGN), tokens[Role.ADMIN, False])
        unknown = world.get(address.format("zzz"), tokens[Role.ADMIN, False])
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.text.replace(FOREIGN, "zzz") == unknown.text

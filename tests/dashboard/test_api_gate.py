"""Who is let in, how, and what every answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.gate import is_loopback
from dashboard.sign_in import safe_next
from tests.dashboard.api_world import FAR, LOOPBACK, ApiWorld, api_world
from tracking.access import Role

PASSWORD = "a long enough password"
LOCAL = "127.0.0.1:8050"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        made.access.add_person("anna", PASSWORD, [Role.SCIENTIST], ["rl4"])
        yield made


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path, is_demo=True) as made:
        yield made


def test_signing_in_sets_a_cookie_that_scripts_cannot_read(world: ApiWorld) -> None:
    client = world.client(host=LOCAL)
    answer = client.post("/sign-in", data={"name": "anna", "password": PASSWORD, "next": "/labs/rl4"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/labs/rl4")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert client.get("/api/v1/labs").json()["labs"][0]["id"] == "rl4"


def test_off_loopback_the_cookie_is_secure(world: ApiWorld) -> None:
    answer = world.client().post("/sign-in", data={"name": "anna", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_wrong_password_shows_the_form_again_and_escapes_what_was_typed(world: ApiWorld) -> None:
    answer = world.client().post("/sign-in", data={"name": '"><script>x', "password": "wrong password"})
    assert answer.status_code == 403
    assert "The name or the password is wrong." in answer.text
    assert "<script>" not in answer.text
    assert "set-cookie" not in answer.headers


def test_signing_out_ends_the_session_on_the_server(world: ApiWorld) -> None:
    client = world.client(host=LOCAL)
    client.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    secret = client.cookies["histotwin_session"]
    assert client.post("/sign-out").headers["location"] == "/sign-in"
    client.cookies.set("histotwin_session", secret)
    assert client.get("/api/v1/labs").status_code == 401


def test_disabling_a_person_shuts_open_browsers_out(world: ApiWorld) -> None:
    client = world.client(host=LOCAL)
    client.post("/sign-in", data={"name": "anna", "password": PASSWORD})
    world.access.disable_person("anna")
    assert client.get("/api/v1/labs").status_code == 401


def test_pages_redirect_to_sign_in_and_calls_answer_401(world: ApiWorld) -> None:
    page = world.client().get("/labs/rl4", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/labs/rl4")
    for path in ("/api/v1/labs", "/_dash-layout", "/_dash-dependencies", "/api/v1/openapi.json", "/metrics"):
        answer = world.get(path)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_health_sign_in_and_plain_assets_are_open(world: ApiWorld) -> None:
    assert world.get("/api/v1/health").status_code == 200
    assert world.get("/sign-in").status_code == 200
    assert world.get("/assets/mark.svg").status_code == 404
    assert world.get("/assets/03-live.js").status_code == 401


def test_metrics_are_open_on_loopback_only(world: ApiWorld) -> None:
    local = world.client(client=LOOPBACK, host=LOCAL).get("/metrics")
    assert "histotwin_events_stored_total 2" in local.text
    assert world.client(client=FAR, host=LOCAL).get("/metrics").status_code == 401


@pytest.mark.parametrize(
    ("client", "host", "headers", "status"),
    [
        (LOOPBACK, LOCAL, {}, 200),
        (LOOPBACK, "localhost:8050", {}, 200),
        (("::1", 1), "[::1]:8050", {}, 200),
        (LOOPBACK, "evil.example", {}, 401),
        (LOOPBACK, "127.0.0.1.evil.example", {}, 401),
        (LOOPBACK, "localhost@evil.example", {}, 401),
        (FAR, LOCAL, {}, 401),
        (LOOPBACK, LOCAL, {"X-Forwarded-For": "10.0.0.1"}, 401),
        (LOOPBACK, LOCAL, {"Authorization": "Bearer wrong"}, 401),
        (LOOPBACK, LOCAL, {"Cookie": "histotwin_session=old"}, 200),
    ],
)
def test_the_demo_user_is_whoever_sits_at_this_machine(
    demo: ApiWorld, client: tuple[str, int], host: str, headers: dict[str, str], status: int
) -> None:
    answer = demo.client(client=client, host="x").get("/api/v1/labs", headers={**headers, "Host": host})
    assert answer.status_code == status


def test_without_demo_loopback_is_nobody_special(world: ApiWorld) -> None:
    assert world.client(client=LOOPBACK, host=LOCAL).get("/api/v1/labs").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{LOCAL}"}, 200),
    ],
)
def test_other_sites_cannot_make_a_browser_write(demo: ApiWorld, headers: dict[str, str], status: int) -> None:
    client = demo.client(client=LOOPBACK, host=LOCAL)
    scan = {"station": "rl4/reader-1", "raw": "S26-000001"}
    assert client.post("/api/v1/scans", json=scan, headers=headers).status_code == status
    assert len(demo.door.taken) == (1 if status == 200 else 0)


def test_a_token_is_not_a_browsers_and_may_come_from_anywhere(world: ApiWorld) -> None:
    client = world.client(world.token(Role.SCIENTIST))
    scan = {"station": "rl4/reader-1", "raw": "S26-000001"}
    assert client.post("/api/v1/scans", json=scan, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_other_sites_cannot_sign_a_browser_in(world: ApiWorld) -> None:
    answer = world.client().post(
        "/sign-in", data={"name": "anna", "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "path", ["/api/v1/labs", "/api/v1/health", "/sign-in", "/api/nope", "/labs/rl4", "/assets/x.css"]
)
def test_every_answer_carries_the_security_headers(world: ApiWorld, path: str) -> None:
    headers = world.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self';" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert ("no-store" in headers.get("cache-control", "")) == (not path.startswith("/assets"))


def test_inline_scripts_run_only_by_their_hash(world: ApiWorld) -> None:
    world.api.content_policy.allow_scripts(["'sha256-abc='", "sha256-def="])
    assert "script-src 'self' 'sha256-abc=' 'sha256-def=';" in world.get("/sign-in").headers["content-security-policy"]


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil", "javascript:alert(1)", "", "labs", "/a\nb"]
)
def test_sign_in_sends_nobody_elsewhere(wanted: str) -> None:
    assert safe_next(wanted) == "/"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_what_loopback_is(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "0:0:0:0:0:0:0:2", "", "localhost.evil", "127.0.0.1.evil"])
def test_what_loopback_is_not(host: str) -> None:
    assert not is_loopback(host)

"""The composition of docker-compose.yml, run for real by podman through ``compose-check``. No test in here."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.services import free_port, until

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_CHECK = Path(os.environ.get("HISTOTWIN_COMPOSE", ROOT.parent / "shared/tools/compose-check"))
ONCE = ("prepare", "schema", "introduce")
LASTING = ("database", "broker", "ingest", "forecast", "serve")
NETWORKS = ("inside", "outside", "nowhere")
BASES = ("python", "postgres", "eclipse-mosquitto")
_HOLDER = Path("/run/compose-check.pid")


@dataclass
class Composition:
    """A running composition of its own name, ports and volumes."""

    project: str
    mqtt_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    token: str = ""

    def up(self) -> None:
        """Bring it up from nothing: one command. The services of other profiles are left out by name."""
        self._compose("up", "-d", "--no-build", *ONCE, *LASTING)

    def down(self) -> None:
        """Stop it and throw its volumes and networks away; podman-compose leaves the networks."""
        self._compose("down", "-v", "-t", "30")
        self.podman("network", "rm", *(f"{self.project}_{name}" for name in NETWORKS), check=False)

    def admin(self, *command: str) -> tuple[int, str]:
        """Run one of histotwin's commands as the administrator does; returns its exit code and its output."""
        return self.run("admin", *command)

    def run(self, service: str, *command: str) -> tuple[int, str]:
        """Run a command in a container of its own that has what the service has."""
        done = self._run("podman-compose", "-p", self.project, "run", "--rm", "-T", "--no-deps", service, *command)
        chatter = re.compile(r"^(\[.*|using podman .*|podman (volume|run) .*|exit code: .*)\n", re.MULTILINE)
        code = re.findall(r"^exit code: (\d+)$", done.stdout + done.stderr, re.MULTILINE)[-1]
        return int(code), chatter.sub("", done.stdout).strip()

    def podman(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman where the containers are."""
        done = self._run("podman", *arguments)
        assert not check or done.returncode == 0, done.stderr
        return done

    def inside(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a service's container."""
        return self.podman("exec", self.container(service), *command, check=False)

    def container(self, service: str) -> str:
        return f"{self.project}_{service}_1"

    def is_healthy(self, service: str) -> bool:
        """Run the service's own health check, as the engine would."""
        return self.podman("healthcheck", "run", self.container(service), check=False).returncode == 0

    def state(self, service: str) -> tuple[str, int]:
        """Return a container's state and exit code."""
        shown = self.podman("inspect", self.container(service), "--format", "{{.State.Status}} {{.State.ExitCode}}")
        status, code = shown.stdout.split()
        return status, int(code)

    def log(self, service: str) -> str:
        done = self.podman("logs", self.container(service))
        return done.stdout + done.stderr

    def get(self, path: str, **query: Any) -> Any:
        """Ask the API with the administrator's token."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"http://127.0.0.1:{self.http_port}/api/v1{path}"
        return httpx.get(url, params=query, headers=headers, timeout=20).raise_for_status().json()

    def wait_until_well(self, patience_s: float = 120.0) -> None:
        """Return once every lasting service is healthy by its own check and the others have done their work."""
        for service in ONCE:
            until(lambda service=service: self.state(service) == ("exited", 0), patience_s)  # type: ignore[misc]
        for service in LASTING:
            until(lambda service=service: self.is_healthy(service), patience_s)  # type: ignore[misc]

    def _compose(self, *arguments: str) -> None:
        """Run podman-compose, whose exit code says little: what became of it is asked of the containers."""
        self._run("podman-compose", "-p", self.project, *arguments)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        told = {"HISTOTWIN_MQTT_PORT": str(self.mqtt_port), "HISTOTWIN_HTTP_PORT": str(self.http_port)}
        return subprocess.run(
            [str(COMPOSE_CHECK), "run", "--", *command],
            cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip


@contextlib.contextmanager
def composition() -> Iterator[Composition]:
    """Build the image, bring the composition up from nothing, and leave nothing behind."""
    was_held = _holder() is not None
    _make_images()
    made = Composition(f"histotwin-test-{os.getpid()}")
    try:
        made.up()
        made.wait_until_well()
        made.token = made.admin("token", "add", "proof", "--role", "admin")[1]
        yield made
    finally:
        made.down()
        if not was_held and (holder := _holder()) is not None:
            os.kill(holder, signal.SIGTERM)


def _make_images() -> None:
    """Stand-ins for the public images take four minutes where there are none; the image itself one, then seconds."""
    listed = subprocess.run([str(COMPOSE_CHECK), "images"], capture_output=True, text=True, check=True).stdout
    if not all(f"/{base}:" in listed for base in BASES):
        subprocess.run([str(COMPOSE_CHECK), "base"], capture_output=True, check=True, timeout=1200)
    done = subprocess.run(
        [str(COMPOSE_CHECK), "build"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=1200
    )
    assert "Successfully tagged localhost/histotwin:local" in done.stdout + done.stderr, done.stderr[-2000:]


def _holder() -> int | None:
    """Return the process that holds compose-check's name space open, if it lives."""
    with contextlib.suppress(OSError, ValueError):
        number = int(_HOLDER.read_text(encoding="utf-8"))
        os.kill(number, 0)
        return number
    return None

"""The whole product from one command: real processes, the real broker driven by Debian's mosquitto_pub, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.postgres import postgres
from tests.services import free_port, until

STARTS_WITHIN_S = 240
SCAN = "S26-000123-A-1"
CASE = {
    "specversion": "1.0", "id": "t-1", "source": "/bcps/rl4/lims-1", "type": "histotwin.case.received",
    "subject": "S26-900001", "time": "2026-11-21T09:30:00Z",
    "data": {"case": "S26-900001", "received_at": "2026-11-21T09:30:00Z", "specimens": ["S26-900001-A"]},
}  # fmt: skip


@dataclass
class Running:
    """A running histotwin and the two ways in."""

    process: subprocess.Popen[str]
    port: int
    mqtt_port: int
    data_dir: Path

    def get(self, path: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}/api/v1{path}", timeout=20)

    def publish(self, topic: str, message: str, *options: str) -> None:
        where = ["-h", "127.0.0.1", "-p", str(self.mqtt_port), "-q", "1", "-t", topic]
        subprocess.run(["mosquitto_pub", *where, *options, "-m", message], check=True, timeout=20)

    def reply_to(self, device: str, topic: str, message: str, *options: str) -> Any:
        """Publish and return what the device is told."""
        where = ["-h", "127.0.0.1", "-p", str(self.mqtt_port), "-t", f"histotwin/bcps/rl4/{device}/reply", "-C", "1"]
        listener = subprocess.Popen(["mosquitto_sub", *where, "-W", "20"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        self.publish(f"histotwin/bcps/rl4/{device}/{topic}", message, *options)
        out, _ = listener.communicate(timeout=25)
        return json.loads(out)


def start(data_dir: Path, **environment: str) -> Running:
    port, mqtt_port = free_port(), free_port()
    where = ["--data-dir", str(data_dir), "--port", str(port), "--mqtt-port", str(mqtt_port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "histotwin", "up", *where],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "HISTOTWIN_HISTORY_WEEKS": "1", "HISTOTWIN_RECENT_WEEKS": "1", **environment},
    )  # fmt: skip
    return Running(process, port, mqtt_port, data_dir)


def wait_until_live(running: Running) -> None:
    def is_live() -> bool:
        assert running.process.poll() is None, running.process.stdout.read()  # type: ignore[union-attr]
        try:
            return running.get("/health").json()["ingest"]["state"] == "up"
        except (httpx.HTTPError, ValueError):
            return False

    until(is_live, STARTS_WITHIN_S)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("up"))
    try:
        wait_until_live(running)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)
            running.process.wait(60)


def test_every_laboratory_is_there_with_history(running: Running) -> None:
    labs = running.get("/labs").json()["labs"]
    assert len(labs) == 23
    assert sum(lab["wip"] for lab in labs) > 100
    assert all(lab["synthetic"] for lab in labs)


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_an_event_is_answered_and_seen_and_the_same_again_counts_once(running: Running, version: str) -> None:
    case = f"S26-90000{len(version)}"
    event = CASE | {
        "id": f"t-{version}",
        "subject": case,
        "data": CASE["data"] | {"case": case, "specimens": [f"{case}-A"]},
    }
    first = running.reply_to("lims-1", "event", json.dumps(event), "-V", version)
    assert (first["id"], first["verdict"]) == (f"t-{version}", "accepted")
    again = running.reply_to("lims-1", "event", json.dumps(event), "-V", version)
    assert (again["verdict"], again["reason"]) == ("accepted", "duplicate")
    item = running.get(f"/items/{case}-A").json()
    assert item["kind"] == "specimen"
    assert len(item["events"]) == 1


def test_a_plain_readers_scan_is_answered_and_moves_the_item(running: Running) -> None:
    running.reply_to("lims-1", "event", json.dumps(CASE))
    told = running.reply_to("reader-1", "raw", "]d1s26-900001-a")
    assert told["verdict"] == "accepted"
    assert running.get("/items/S26-900001-A").json()["station"] == "reception"


@pytest.mark.parametrize(
    ("topic", "message", "reason"),
    [
        ("raw", "HELLO-WORLD", "unreadable_barcode"),
        ("raw", "S26-999999-A-1", "unknown_barcode"),
        ("event", "not json at all", "not_json"),
        ("event", json.dumps(CASE | {"id": "t-2", "source": "/bcps/rl4/scanner-1"}), "wrong_source"),
        ("event", json.dumps(CASE | {"id": "t-3", "source": "/bcps/rl4/reader-1", "type": "histotwin.item.created",
                                     "subject": "S26-900001-A-1-1",
                                     "data": {"kind": "slide", "parent": "S26-900001-A-1-2"}}), "impossible_parent"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_answered_in_words_and_kept_with_its_bytes(
    running: Running, topic: str, message: str, reason: str
) -> None:
    told = running.reply_to("reader-1", topic, message)
    assert (told["verdict"], told["reason"]) == ("rejected", reason)
    assert told["message"]
    kept = running.get("/rejected-events?lab=rl4").text
    assert reason in kept


def test_a_part_that_dies_is_started_again(running: Running) -> None:
    parent = psutil.Process(running.process.pid)
    victim = next(child for child in parent.children() if child.cmdline()[-1] == "ingest")
    victim.kill()
    running.publish("histotwin/bcps/rl4/lims-1/event", json.dumps(CASE | {"id": "t-after-the-kill"}))
    until(lambda: "t-after-the-kill" in running.get("/items/S26-900001").text, 60)


def test_the_command_line_sees_a_sound_database_while_all_runs(running: Running) -> None:
    command = [sys.executable, "-m", "histotwin", "db", "verify", "--json", "--data-dir", str(running.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert (done.returncode, json.loads(done.stdout)["faults"]) == (0, []), done.stderr


def test_ctrl_c_leaves_no_process_and_the_next_start_goes_on(running: Running) -> None:
    assert running.reply_to("lims-1", "event", json.dumps(CASE))["verdict"] == "accepted"
    family = psutil.Process(running.process.pid).children(recursive=True)
    assert len(family) >= 5
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    again = start(running.data_dir)
    try:
        wait_until_live(again)
        assert again.get("/items/S26-900001").status_code == 200
        assert again.get("/health").json()["status"] == "ok"
    finally:
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(60) == 0


def test_ctrl_c_while_history_is_written_leaves_no_process(tmp_path: Path) -> None:
    running = start(tmp_path / "early", HISTOTWIN_HISTORY_WEEKS="8")
    try:
        parent = psutil.Process(running.process.pid)
        until((tmp_path / "early" / "history" / "period.json").exists, 60)
        until(lambda: len(parent.children(recursive=True)) >= 4, 60)
        family = parent.children(recursive=True)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
    finally:
        running.process.kill()
        running.process.wait()


def test_a_killed_supervisor_leaves_no_process_either(tmp_path: Path) -> None:
    running = start(tmp_path / "killed", HISTOTWIN_HISTORY_WEEKS="0")
    try:
        wait_until_live(running)
        family = psutil.Process(running.process.pid).children(recursive=True)
        running.process.kill()
        _, alive = psutil.wait_procs(family, timeout=20)
        assert alive == []
    finally:
        running.process.kill()
        running.process.wait()


def test_the_same_product_runs_on_postgresql(tmp_path: Path) -> None:
    with postgres() as server:
        url = server.new_database("histotwin")
        running = start(tmp_path / "pg", HISTOTWIN_DATABASE_URL=url, HISTOTWIN_HISTORY_WEEKS="0.3")
        try:
            wait_until_live(running)
            told = running.reply_to("lims-1", "event", json.dumps(CASE))
            assert told["verdict"] == "accepted"
            assert running.get("/items/S26-900001-A").json()["kind"] == "specimen"
            assert len(running.get("/labs").json()["labs"]) == 23
        finally:
            running.process.send_signal(signal.SIGINT)
            assert running.process.wait(60) == 0
        environment = {**os.environ, "HISTOTWIN_DATABASE_URL": url}
        command = [sys.executable, "-m", "histotwin", "db", "verify", "--data-dir", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--port", "99999"], "port"),
        (["--network", "/nowhere.yaml"], "/nowhere.yaml"),
        (["--port", "high"], "--port"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_wrong_options_end_with_two_and_say_what_is_wrong(tmp_path: Path, options: list[str], says: str) -> None:
    command = [sys.executable, "-m", "histotwin", "up", "--data-dir", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr

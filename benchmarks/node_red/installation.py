"""Installs the pinned Node-RED and its SQLite node once, into a folder of its own. Starts nothing.

``sqlite3`` is a native module. Where Node's headers lie beside ``node`` it is compiled against them and nothing but
npm's registry is asked; elsewhere its own install script looks for a compiled one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache" / "histotwin-bench"
_PACKAGE_FILES = ("package.json", "package-lock.json")
_PATIENCE_S = 900
_MAIN = Path("node_modules/node-red/red.js")


class NotInstalled(Exception):
    """Node-RED cannot be installed here; the message says why, in one line."""


def installed_node_red() -> Path:
    """Return the folder that holds Node-RED, installing it first if need be. Raises ``NotInstalled``."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotInstalled("node and npm are not on this machine")
    folder = CACHE / f"node-red-{_fingerprint()}"
    if not (folder / _MAIN).exists():
        _install(folder)
    return folder


def _fingerprint() -> str:
    """Return a name for what the lock file and this machine's Node make together."""
    content = b"".join((HERE / name).read_bytes() for name in _PACKAGE_FILES)
    version = subprocess.run(["node", "--version"], check=True, capture_output=True).stdout
    return hashlib.sha256(content + version).hexdigest()[:12]


def _install(folder: Path) -> None:
    """Install beside ``folder`` and give it its name only when it works, so that half an installation is never used."""
    CACHE.mkdir(parents=True, exist_ok=True)
    print(f"installing Node-RED into {folder} (once; a minute or two)", flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        draft = Path(name) / folder.name
        draft.mkdir()
        for file in _PACKAGE_FILES:
            shutil.copy(HERE / file, draft)
        _run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"], draft)
        _run(["node", "-e", "new (require('sqlite3').Database)(':memory:')"], draft)
        if not folder.exists():
            draft.rename(folder)


def _run(command: list[str], folder: Path) -> None:
    try:
        ran = subprocess.run(
            command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise NotInstalled(f"{' '.join(command[:2])} did not end within {_PATIENCE_S} s") from late
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if "error" in line.lower()]
        raise NotInstalled(f"{' '.join(command[:2])} failed: {lines[0] if lines else ran.returncode}")


def _environment() -> dict[str, str]:
    found = {**os.environ}
    if headers := _headers_root():
        found |= {"npm_config_nodedir": str(headers), "npm_config_build_from_source": "sqlite3"}
    return found


def _headers_root() -> Path | None:
    """Return the folder whose ``include/node`` holds the headers of the Node that runs here, if it is there."""
    node = shutil.which("node")
    root = Path(node).resolve().parents[1] if node else None
    return root if root and (root / "include/node/node_api.h").exists() else None

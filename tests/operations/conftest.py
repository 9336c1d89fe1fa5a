"""Commands, called as from a shell."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

import histotwin

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command of histotwin; returns exit code, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["histotwin", *arguments])
        with pytest.raises(SystemExit) as ended:
            histotwin.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run

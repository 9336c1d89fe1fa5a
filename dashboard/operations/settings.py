"""Every setting of a running histotwin, in one place. From the command line, ``HISTOTWIN_…`` variables or a YAML file.

No part reads the environment by itself; what it needs is handed in from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AwareDatetime, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tracking.clock import Clock, ScaledClock, SystemClock, to_us
from tracking.errors import InputMistakes, Mistake

SHIPPED_DATA = Path(__file__).resolve().parents[2] / "data"


class Settings(BaseSettings):
    """What every part of a running histotwin is told; names of the variables are these in capitals, ``HISTOTWIN_…``."""

    model_config = SettingsConfigDict(env_prefix="HISTOTWIN_", extra="forbid")

    data_dir: Path = Field(default=Path("var"), description="where the database, outboxes and logs are kept")
    database_url: str = Field(default="", description="SQLAlchemy address; empty: SQLite in data_dir")
    network: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="network files, separated by commas; empty: the shipped ones"
    )
    host: str = Field(default="127.0.0.1", description="address the pages and the API listen on")
    port: int = Field(default=8050, ge=1, le=65535, description="port of the pages and the API")
    mqtt_host: str = Field(default="127.0.0.1", description="address of the MQTT broker")
    mqtt_port: int = Field(default=1883, ge=1, le=65535, description="port of the MQTT broker")
    demo: bool = Field(default=False, description="a request from this machine without credentials is the demo user")
    history_weeks: float = Field(default=8, ge=0, le=52, description="weeks of synthetic history on an empty data_dir")
    recent_weeks: float = Field(default=2, ge=0, le=52, description="weeks of it that are in before the page opens")
    speed: float = Field(default=1, gt=0, le=10_000, description="how much faster than the wall clock time passes")
    start_at: AwareDatetime | None = Field(
        default=None, description="moment to begin at, for demonstrations; empty: now"
    )
    started_us: int = Field(default=0, description="moment from which speed and start_at count, µs UTC; 0: now")
    seed: int = Field(default=20_261_121, description="seed of everything random in the virtual lab and the forecast")
    forecast_every_min: float = Field(default=5, gt=0, description="minutes between two forecasts of one lab")
    forecast_replications: int = Field(default=30, ge=2, le=1000, description="replications of one forecast")

    @field_validator("network", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given

    @property
    def url(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'histotwin.db').resolve()}"

    @property
    def history_folder(self) -> Path:
        """Where synthetic history is written until all of it is stored; its being there says that it is not."""
        return self.data_dir / "history"

    @property
    def network_files(self) -> list[Path]:
        """The network files to serve."""
        return list(self.network) or sorted((SHIPPED_DATA / "networks").glob("*.yaml"))

    def clock(self) -> Clock:
        """Return the clock that every part is handed."""
        system = SystemClock()
        if self.speed == 1 and self.start_at is None:
            return system
        since_us = self.started_us or system.now_us()
        return ScaledClock(system, self.speed, since_us, to_us(self.start_at) if self.start_at else since_us)

    def environment(self) -> dict[str, str]:
        """Return these settings as variables for a child process."""
        given = self.model_dump(mode="json", exclude={"network"}, exclude_none=True)
        variables = {f"HISTOTWIN_{name.upper()}": str(value) for name, value in given.items()}
        if self.network:
            variables["HISTOTWIN_NETWORK"] = ",".join(str(path) for path in self.network)
        return variables


def load_settings(config: Path | None = None, **given: Any) -> Settings:
    """Return the settings: what was given on the command line, else the environment, else the file, else the default.

    Raises ``InputMistakes`` naming each wrong setting.
    """
    told = {name: value for name, value in given.items() if value is not None}
    where = str(config) if config else "settings"
    try:
        from_file = _read(config) if config else {}
        in_environment = Settings().model_dump(exclude_unset=True)
        return Settings(**{**from_file, **in_environment, **told})
    except ValidationError as error:
        mistakes = [
            Mistake(where, ".".join(map(str, detail["loc"])), str(detail.get("input"))[:80], detail["msg"])
            for detail in error.errors()
        ]
        raise InputMistakes(mistakes) from None


def _read(config: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mistake = Mistake(str(config), "file", " ".join(str(error).split()), "a readable YAML settings file")
        raise InputMistakes([mistake]) from None
    if not isinstance(document, dict):
        raise InputMistakes([Mistake(str(config), "file", type(document).__name__, "settings as key: value")])
    return document

"""Every setting of a running histotwin, in one place. From the command line, ``HISTOTWIN_…`` variables or a YAML file.

No part reads the environment by itself; what it needs is handed in from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AwareDatetime, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url

from devices.session import BrokerAddress
from tracking.clock import Clock, ScaledClock, SystemClock, to_us
from tracking.errors import InputMistakes, Mistake
from tracking.kill_points import KILL_POINTS

SHIPPED_DATA = Path(__file__).resolve().parents[2] / "data"
SECRETS = ("mqtt_password", "mqtt_admin_password", "database_password", "database_owner_password",
           "database_app_password")  # fmt: skip
"""Each of these may be given as it is or, better, as a file: ``…_file``."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_DATABASE = re.compile(r"(sqlite(\+\w+)?:///|postgresql(\+psycopg)?://)\S")
_NO_SECRET = SecretStr("")


class Settings(BaseSettings):
    """What every part of a running histotwin is told; names of the variables are these in capitals, ``HISTOTWIN_…``."""

    model_config = SettingsConfigDict(env_prefix="HISTOTWIN_", extra="forbid")

    data_dir: Path = Field(default=Path("var"), description="where the database, outboxes and logs are kept")
    archive_dir: Path | None = Field(
        default=None, description="where months of the log are archived; empty: archive in data_dir"
    )
    database_url: str = Field(default="", description="SQLAlchemy address; empty: SQLite in data_dir")
    database_password: SecretStr = Field(default=_NO_SECRET, description="password of the role in database_url")
    database_password_file: Path | None = Field(default=None, description="file that holds it")
    database_owner_url: str = Field(
        default="",
        description="address of the schema's owner, for db upgrade, rebuild and restore; empty: database_url",
    )
    database_owner_password: SecretStr = Field(default=_NO_SECRET, description="password of the owner")
    database_owner_password_file: Path | None = Field(default=None, description="file that holds it")
    database_app_role: str = Field(
        default="",
        description="PostgreSQL role that db upgrade makes for the parts: it can add to the log, not change it",
    )
    database_app_password: SecretStr = Field(default=_NO_SECRET, description="password that db upgrade gives that role")
    database_app_password_file: Path | None = Field(default=None, description="file that holds it")
    network: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="network files or folders of them, separated by commas; empty: the shipped ones"
    )
    host: str = Field(default="127.0.0.1", description="address the pages and the API listen on")
    port: int = Field(default=8050, ge=1, le=65535, description="port of the pages and the API")
    mqtt_host: str = Field(default="127.0.0.1", description="address of the MQTT broker")
    mqtt_port: int = Field(default=1883, ge=1, le=65535, description="port of the MQTT broker")
    mqtt_ca_file: Path | None = Field(
        default=None, description="certificate of the authority that vouches for the broker; given: TLS"
    )
    mqtt_username: str = Field(default="", description="who this part is to the broker; empty: nobody")
    mqtt_password: SecretStr = Field(default=_NO_SECRET, description="its password")
    mqtt_password_file: Path | None = Field(default=None, description="file that holds it")
    mqtt_admin_username: str = Field(
        default="", description="who may tell the broker which devices may speak, for the device commands"
    )
    mqtt_admin_password: SecretStr = Field(default=_NO_SECRET, description="password of the same")
    mqtt_admin_password_file: Path | None = Field(default=None, description="file that holds it")
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
    log_format: Literal["text", "json"] = Field(default="text", description="text for people, json for collectors")
    kill_at: str = Field(
        default="",
        pattern=rf"^(({'|'.join(KILL_POINTS)})(:[1-9]\d{{0,5}})?)?$",
        description="for fault tests: place, or place:n, at whose n-th passage a part ends itself; empty: nowhere",
    )

    @field_validator("network", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given

    @property
    def url(self) -> str:
        """The database's address, with the password where one is given."""
        plain = self.database_url or f"sqlite:///{(self.data_dir / 'histotwin.db').resolve()}"
        return _with_password(plain, self.secret("database_password"))

    @property
    def owner_url(self) -> str:
        """The database's address for who owns the schema; where no owner is named, everybody does."""
        if not self.database_owner_url:
            return self.url
        return _with_password(self.database_owner_url, self.secret("database_owner_password"))

    @property
    def archive_folder(self) -> Path:
        """Where the archives are."""
        return self.archive_dir or self.data_dir / "archive"

    @property
    def history_folder(self) -> Path:
        """Where synthetic history is written until all of it is stored; its being there says that it is not."""
        return self.data_dir / "history"

    @property
    def network_files(self) -> list[Path]:
        """The network files to serve."""
        return [file for path in self.network or (SHIPPED_DATA / "networks",) for file in _files_at(path)]

    def secret(self, name: str) -> str | None:
        """Return one of ``SECRETS``, from its file where one is named; raises ``InputMistakes``."""
        file: Path | None = getattr(self, f"{name}_file")
        if file is None:
            given: SecretStr = getattr(self, name)
            return given.get_secret_value() or None
        try:
            return file.read_text(encoding="utf-8").strip("\r\n") or None
        except (OSError, UnicodeDecodeError):
            raise InputMistakes([Mistake("settings", f"{name}_file", str(file), "a file that can be read")]) from None

    def broker_address(self) -> BrokerAddress:
        """Return where the broker is and who this part is to it."""
        return self._broker_as(self.mqtt_username, "mqtt_password")

    def broker_admin_address(self) -> BrokerAddress:
        """Return where the broker is and who may tell it which devices may speak."""
        return self._broker_as(self.mqtt_admin_username, "mqtt_admin_password")

    def _broker_as(self, username: str, secret: str) -> BrokerAddress:
        authority = str(self.mqtt_ca_file) if self.mqtt_ca_file else None
        password = self.secret(secret) if username else None
        return BrokerAddress(self.mqtt_host, self.mqtt_port, username or None, password, authority)

    def clock(self) -> Clock:
        """Return the clock that every part is handed."""
        system = SystemClock()
        if self.speed == 1 and self.start_at is None:
            return system
        since_us = self.started_us or system.now_us()
        return ScaledClock(system, self.speed, since_us, to_us(self.start_at) if self.start_at else since_us)

    def environment(self) -> dict[str, str]:
        """Return these settings as variables for a child process; a secret stays in its file where it has one."""
        given = self.model_dump(mode="json", exclude={"network", *SECRETS}, exclude_none=True)
        secrets = {name: getattr(self, name).get_secret_value() for name in SECRETS}
        told = {**given, **{name: value for name, value in secrets.items() if value}}
        variables = {f"HISTOTWIN_{name.upper()}": str(value) for name, value in told.items()}
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
        settings = Settings(**{**from_file, **in_environment, **told})
    except ValidationError as error:
        raise InputMistakes([_mistake(where, detail) for detail in error.errors()]) from None
    if mistakes := [
        *_secret_mistakes(settings),
        *_database_mistakes(settings),
        *_broker_mistakes(settings),
        *_network_mistakes(settings),
    ]:
        raise InputMistakes(mistakes)
    return settings


def _mistake(where: str, detail: Any) -> Mistake:
    field = ".".join(map(str, detail["loc"]))
    is_told = field in Settings.model_fields and field not in SECRETS  # an unknown name may be a password's, misspelt
    value = str(detail.get("input"))[:80] if is_told else "…"
    return Mistake(where, field, value, detail["msg"])


def _secret_mistakes(settings: Settings) -> Iterator[Mistake]:
    for name in SECRETS:
        if getattr(settings, f"{name}_file") is not None and getattr(settings, name).get_secret_value():
            yield Mistake("settings", name, "…", f"either this or {name}_file, not both")
        try:
            settings.secret(name)
        except InputMistakes as error:
            yield from error.mistakes


def _database_mistakes(settings: Settings) -> Iterator[Mistake]:
    """What was given is not repeated: a password may stand in it."""
    for name in ("database_url", "database_owner_url"):
        if (given := getattr(settings, name)) and not _DATABASE.match(given):
            yield Mistake("settings", name, "…", "sqlite:///PATH or postgresql://ROLE@HOST/DATABASE")


def _broker_mistakes(settings: Settings) -> Iterator[Mistake]:
    """A password never travels unencrypted, and a name without one is half a credential."""
    authority = settings.mqtt_ca_file
    if authority is not None and not authority.is_file():
        yield Mistake("settings", "mqtt_ca_file", str(authority), "the file of a certificate")
    for who in ("mqtt", "mqtt_admin"):
        name = getattr(settings, f"{who}_username")
        if name and authority is None and settings.mqtt_host not in _LOOPBACK:
            yield Mistake("settings", f"{who}_username", name, "mqtt_ca_file too: a password needs TLS on its way")
        if name and _is_unset(settings, f"{who}_password"):
            yield Mistake("settings", f"{who}_username", name, f"{who}_password or {who}_password_file too")


def _network_mistakes(settings: Settings) -> Iterator[Mistake]:
    for path in settings.network:
        if not _files_at(path):
            yield Mistake("settings", "network", str(path), "a folder that holds network files (*.yaml)")


def _files_at(path: Path) -> list[Path]:
    return sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def _is_unset(settings: Settings, secret: str) -> bool:
    return getattr(settings, f"{secret}_file") is None and not getattr(settings, secret).get_secret_value()


def _with_password(url: str, password: str | None) -> str:
    if password is None:
        return url
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def _read(config: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mistake = Mistake(str(config), "file", " ".join(str(error).split()), "a readable YAML settings file")
        raise InputMistakes([mistake]) from None
    if not isinstance(document, dict):
        raise InputMistakes([Mistake(str(config), "file", type(document).__name__, "settings as key: value")])
    return document

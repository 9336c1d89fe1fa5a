"""The command line, and the only place where everything is wired together: settings → parts → run. No logic here.

Parts are imported inside the commands, so that each process carries only what it needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tracking.errors import HistotwinError, InputMistakes, NotFound, Refusal

if TYPE_CHECKING:
    from dashboard.operations.settings import Settings

app = typer.Typer(
    name="histotwin",
    help="A live digital twin of histology laboratories: where every case is, and when it will be reported.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
events_app = typer.Typer(help="Take events in from files, and out to files.", no_args_is_help=True)
db_app = typer.Typer(help="The database: schema, copies, integrity, projections from the log.", no_args_is_help=True)
user_app = typer.Typer(help="People who may sign in.", no_args_is_help=True)
device_app = typer.Typer(help="Instruments and readers, and their credentials at the broker.", no_args_is_help=True)
secrets_app = typer.Typer(help="The passwords and certificates of a deployment, as files.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens for programs that call the API.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="YAML file of settings; see docs/settings.md")]
DataDir = Annotated[Path | None, typer.Option(help="where the database, outboxes and logs are kept  [default: var]")]
NetworkFiles = Annotated[list[Path] | None, typer.Option("--network", help="network file; may be given several times")]
DeviceName = Annotated[str, typer.Argument(help="NETWORK/LAB/NAME")]
SecretsFolder = Annotated[Path, typer.Argument(help="folder that holds one folder for each reader")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else")]


@app.command()
def up(
    config: Config = None,
    data_dir: DataDir = None,
    network: NetworkFiles = None,
    host: Annotated[str | None, typer.Option(help="address of pages and API  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="port of pages and API  [default: 8050]")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="port of the MQTT broker  [default: 1883]")] = None,
    virtual_lab: Annotated[bool, typer.Option(help="let the virtual laboratories work")] = True,
    demo: Annotated[bool | None, typer.Option(help="demo user on this machine, history on an empty data directory; "
                                              "the default on an empty data directory")] = None,
    speed: Annotated[float | None, typer.Option(help="how much faster than the wall clock time passes")] = None,
    start_at: Annotated[str | None, typer.Option(help="moment to begin at, e.g. 2026-11-24T10:00Z")] = None,
) -> None:  # fmt: skip
    """Start everything on this machine: broker, ingest, forecast, virtual laboratories, pages. Ctrl-C stops it."""
    from dashboard.operations.everything import run_everything

    settings = _settings(
        config, data_dir=data_dir, network=network, host=host, port=port, mqtt_port=mqtt_port, speed=speed,
        start_at=start_at,
    )  # fmt: skip
    run_everything(settings, virtual_lab=virtual_lab, demo=demo, say=typer.echo)


@app.command()
def serve(config: Config = None) -> None:
    """Serve the pages and the HTTP API."""
    from dashboard.operations.serving import serve_pages

    _part("serve", serve_pages, config)


@app.command()
def ingest(config: Config = None) -> None:
    """Take events from the MQTT broker into the database."""
    from dashboard.operations.ingesting import run_ingest

    _part("ingest", run_ingest, config)


@app.command()
def forecast(config: Config = None) -> None:
    """Forecast every open case of every laboratory, again and again."""
    from dashboard.operations.parts import run_forecasts

    _part("forecast", run_forecasts, config)


@app.command()
def broker(config: Config = None) -> None:
    """Run the embedded MQTT broker."""
    from dashboard.operations.parts import run_embedded_broker

    _part("broker", run_embedded_broker, config)


@app.command("virtual-lab")
def virtual_lab(
    config: Config = None,
    speed: Annotated[float | None, typer.Option(help="how much faster than the wall clock time passes")] = None,
) -> None:
    """Let the virtual laboratories work: synthetic events over the real wires."""
    from dashboard.operations.parts import run_virtual_lab

    _part("virtual-lab", run_virtual_lab, config, speed=speed)


@app.command()
def history(config: Config = None) -> None:
    """Fill an empty database with weeks of synthetic history, through the same door as live events."""
    from dashboard.operations.parts import run_history

    _part("history", run_history, config)


@app.command()
def health(
    part: Annotated[str, typer.Argument(help="ingest, ingest-standby, forecast, virtual-lab or serve")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Say whether a part lives, by its last sign of life in the database; exit 1 when it does not."""
    from dashboard.operations.signs_of_life import part_health

    said, is_well = part_health(_settings(config, data_dir=data_dir), part)
    typer.echo(said)
    raise typer.Exit(0 if is_well else 1)


@app.command()
def simulate(
    model: Annotated[Path, typer.Argument(help="lab file")],
    weeks: Annotated[float | None, typer.Option(help="weeks that are measured, after the file's warm-up  "
                                                     "[default: the file's]")] = None,
    replications: Annotated[int | None, typer.Option(min=1, help="independent runs  [default: the file's]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of every stream of luck")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="processes at once  [default: one a core]")] = None,
    out: Annotated[Path | None, typer.Option(help="new folder for the tables of every replication, as Parquet")] = None,
    engine: Annotated[Literal["local"], typer.Option(help="where replications run: local, on this machine")] = "local",
    json: Json = False,
) -> None:  # fmt: skip
    """Run a lab model several times and give each figure with its 95 % interval."""
    from dashboard.operations.simulating import Question, simulate_report

    del engine  # there is one
    typer.echo(simulate_report(Question(model, weeks, replications, seed, jobs, out), as_json=json))


@app.command()
def describe(
    model: Annotated[Path, typer.Argument(help="lab file")],
    out: Annotated[Path | None, typer.Option(help="file to write instead of the terminal")] = None,
) -> None:
    """Write the STRESS-DES document of a lab file, as Markdown: what a reader needs to judge or rebuild the model."""
    from dashboard.operations.lab_files import describe_lab

    text = describe_lab(model)
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


@app.command("import-lab")
def import_lab(
    workbook: Annotated[Path, typer.Argument(help="Excel workbook in the Cambridge layout")],
    out: Annotated[Path, typer.Option(help="lab file to write")],
) -> None:
    """Turn a workbook of the public Addenbrooke's model's layout into a lab file; every wrong cell is named."""
    from dashboard.operations.lab_files import import_lab_workbook

    typer.echo(import_lab_workbook(workbook, out))


@app.command("validate")
def validate_simulator(
    long: Annotated[bool, typer.Option("--long", help="intervals within 1 % of each oracle instead of 2 %")] = False,
    only: Annotated[str | None, typer.Option(help="only what fits, by id or lab file: Q4, 'D*', 'mm1-*'")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="processes at once  [default: one a core]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of every stream of luck")] = 1,
    json: Json = False,
) -> None:
    """Try the simulator against queueing theory, worked examples and a published model; exit 1 when one disagrees."""
    from dashboard.operations.validating import validate_report

    report, passes = validate_report(long=long, only=only, jobs=jobs, seed=seed, as_json=json)
    typer.echo(report)
    raise typer.Exit(0 if passes else 1)


@events_app.command("import")
def events_import(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines or Parquet")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="name every bad row, store nothing")] = False,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Store the events of a file, through the same door as live ones."""
    from dashboard.operations.files import import_events

    report = import_events(_settings(config, data_dir=data_dir), file, dry_run=dry_run)
    typer.echo(report.as_json() if json else report.as_text())
    raise typer.Exit(0 if report.all_good else 2)


@events_app.command("export")
def events_export(
    file: Annotated[Path, typer.Argument(help="file to write; its ending (.jsonl, .csv, .parquet) says the form")],
    config: Config = None,
    data_dir: DataDir = None,
    after: Annotated[int, typer.Option(min=0, help="only events after this position")] = 0,
) -> None:
    """Write the log to a file, in order."""
    from dashboard.operations.files import export_events

    written = export_events(_settings(config, data_dir=data_dir), file, after=after)
    typer.echo(f"{written} events written to {file}")


@db_app.command("upgrade")
def db_upgrade(config: Config = None, data_dir: DataDir = None) -> None:
    """Bring the schema to what this version needs, and the parts' role to its rights where settings name one."""
    from dashboard.operations.schema import upgrade_schema

    typer.echo(upgrade_schema(_settings(config, data_dir=data_dir)))


@db_app.command("verify")
def db_verify(
    config: Config = None,
    data_dir: DataDir = None,
    log_only: Annotated[bool, typer.Option("--log-only", help="check the log, do not compare the projections")] = False,
    anchor: Annotated[str | None, typer.Option(help="POSITION:LINK noted earlier; the log must still hold it")] = None,
    json: Json = False,
) -> None:
    """Check the log, its archives, and whether the projections are what the log says; exit 1 when not."""
    from dashboard.operations.reports import verify_report

    settings = _settings(config, data_dir=data_dir)
    text, is_sound = verify_report(settings, log_only=log_only, anchor=anchor, as_json=json)
    typer.echo(text)
    raise typer.Exit(0 if is_sound else 1)


@db_app.command("rebuild")
def db_rebuild(config: Config = None, data_dir: DataDir = None) -> None:
    """Make the projections anew from the log."""
    from dashboard.operations.reports import rebuild_with_progress

    typer.echo(rebuild_with_progress(_settings(config, data_dir=data_dir)))


@db_app.command("backup")
def db_backup(
    target: Annotated[Path, typer.Argument(help="file to write")], config: Config = None, data_dir: DataDir = None
) -> None:
    """Copy the database while it runs."""
    from tracking.store.copies import backup

    settings = _settings(config, data_dir=data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    backup(settings.owner_url, target)
    typer.echo(f"Written and checked: {target}")


@db_app.command("restore")
def db_restore(
    source: Annotated[Path, typer.Argument(help="a file that backup wrote")],
    config: Config = None,
    data_dir: DataDir = None,
    force: Annotated[bool, typer.Option("--force", help="although a part shows signs of life")] = False,
) -> None:
    """Put a copy in the place of the database. Stop histotwin first."""
    from dashboard.operations.schema import restore_copy

    typer.echo(restore_copy(_settings(config, data_dir=data_dir), source, force=force))


@db_app.command("archive")
def db_archive(
    folder: Annotated[Path | None, typer.Argument(help="where the files go  [default: archive_dir]")] = None,
    before: Annotated[str | None, typer.Option(help="first month to leave alone, e.g. 2026-09; left out: this one")]
    = None,
    drop: Annotated[bool, typer.Option("--drop", help="then take archived months out of the database")] = False,
    keep_months: Annotated[int, typer.Option(min=0, help="months that --drop keeps in the database")] = 24,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Write whole months of the log to Parquet files with manifests, each read back before it counts."""
    from dashboard.operations.archiving import archive_log

    settings = _settings(config, data_dir=data_dir)
    typer.echo(archive_log(settings, folder, before=before, drop=drop, keep_months=keep_months))


@db_app.command("unarchive")
def db_unarchive(
    file: Annotated[Path, typer.Argument(help="a file that archive wrote, its manifest beside it")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Put a month that was taken out of the database back, its chain checked."""
    from dashboard.operations.archiving import put_month_back

    typer.echo(put_month_back(_settings(config, data_dir=data_dir), file))


@user_app.command("add")
def user_add(
    name: str,
    role: Annotated[list[str], typer.Option(help="viewer, scientist, planner, manager or admin")],
    lab: Annotated[list[str] | None, typer.Option(help="laboratory the person may see; left out: all")] = None,
    password: Annotated[
        str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, envvar="HISTOTWIN_PASSWORD")
    ] = "",
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Add a person; asks for the password."""
    from dashboard.operations.people import add_person

    add_person(_settings(config, data_dir=data_dir), name, password, role, lab)
    typer.echo(f"{name} may sign in.")


@user_app.command("list")
def user_list(config: Config = None, data_dir: DataDir = None, json: Json = False) -> None:
    """List the people who may sign in."""
    from dashboard.operations.people import list_people

    typer.echo(list_people(_settings(config, data_dir=data_dir), as_json=json))


@user_app.command("disable")
def user_disable(name: str, config: Config = None, data_dir: DataDir = None) -> None:
    """End a person's access and every session they have."""
    from dashboard.operations.people import disable_person

    disable_person(_settings(config, data_dir=data_dir), name)
    typer.echo(f"{name} may not sign in any more.")


@token_app.command("add")
def token_add(
    label: str,
    role: Annotated[list[str], typer.Option(help="viewer, scientist, planner, manager or admin")],
    lab: Annotated[list[str] | None, typer.Option(help="laboratory the token may see; left out: all")] = None,
    days: Annotated[int, typer.Option(min=1, help="days until it expires")] = 365,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token; it is shown once."""
    from dashboard.operations.people import add_token

    typer.echo(add_token(_settings(config, data_dir=data_dir), label, role, lab, days))


@token_app.command("list")
def token_list(config: Config = None, data_dir: DataDir = None, json: Json = False) -> None:
    """List the tokens; their secrets are not kept."""
    from dashboard.operations.people import list_tokens

    typer.echo(list_tokens(_settings(config, data_dir=data_dir), as_json=json))


@token_app.command("revoke")
def token_revoke(label: str, config: Config = None, data_dir: DataDir = None) -> None:
    """End a token."""
    from dashboard.operations.people import revoke_token

    revoke_token(_settings(config, data_dir=data_dir), label)
    typer.echo(f"{label} is revoked.")


@device_app.command("list")
def device_list(
    lab: Annotated[str | None, typer.Option(help="laboratory; left out: all")] = None,
    config: Config = None,
    network: NetworkFiles = None,
    json: Json = False,
) -> None:
    """List the devices that the network files name, and which have a credential."""
    from dashboard.operations.device_access import list_devices

    typer.echo(list_devices(_settings(config, network=network), lab, as_json=json))


@device_app.command("add")
def device_add(
    device: DeviceName,
    gateway: Annotated[bool, typer.Option("--gateway", help="it may speak for every device of its laboratory")] = False,
    renew: Annotated[bool, typer.Option("--renew", help="give it a new password and its rights anew")] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="write the password to this new file instead of showing it")
    ] = None,
    config: Config = None,
    network: NetworkFiles = None,
    json: Json = False,
) -> None:
    """Give a device that a network file names a credential at the broker; the password is shown once."""
    from dashboard.operations.device_access import add_device

    settings = _settings(config, network=network)
    typer.echo(add_device(settings, device, is_gateway=gateway, renew=renew, into=password_file).told(as_json=json))


@device_app.command("revoke")
def device_revoke(device: DeviceName, config: Config = None, network: NetworkFiles = None) -> None:
    """Take a device's credential away; it is put out at once."""
    from dashboard.operations.device_access import revoke_device

    typer.echo(f"{revoke_device(_settings(config, network=network), device)} cannot sign in any more.")


@secrets_app.command("make")
def secrets_make(
    folder: SecretsFolder,
    broker_name: Annotated[
        list[str], typer.Option(help="name or address by which connectors call the broker; several, or commas between")
    ],
) -> None:
    """Make the passwords and certificates that are missing, and renew the broker's certificate before it ends."""
    from dashboard.operations.secret_files import make_secrets
    from tracking.clock import SystemClock

    make_secrets(folder, broker_name, SystemClock(), typer.echo)


@secrets_app.command("renew")
def secrets_renew(
    folder: SecretsFolder, name: Annotated[str, typer.Argument(help="which password; see docs/operations.md")]
) -> None:
    """Replace one password. docs/operations.md says what has to be started anew."""
    from dashboard.operations.secret_files import renew_password

    renew_password(folder, name)
    typer.echo(f"{name} has a new password.")


@secrets_app.command("introduce")
def secrets_introduce(folder: SecretsFolder, config: Config = None) -> None:
    """Tell the broker histotwin's own services: their passwords, and what this version lets them do."""
    from dashboard.operations.secret_files import introduce_services

    changed = introduce_services(_settings(config), folder)
    typer.echo(f"The broker knows every service; changed: {', '.join(changed) or 'none'}.")


@secrets_app.command("check")
def secrets_check(folder: SecretsFolder) -> None:
    """Say how long the certificates are good; exit 1 when one ends within thirty days."""
    from dashboard.operations.secret_files import check_certificates
    from tracking.clock import SystemClock

    said, is_well = check_certificates(folder, SystemClock())
    typer.echo(said)
    raise typer.Exit(0 if is_well else 1)


@app.command("check-config")
def check_config(files: Annotated[list[Path], typer.Argument(help="network and lab files")]) -> None:
    """Say everything that is wrong in network and lab files."""
    from dashboard.operations.reports import check_files

    check_files(files)
    typer.echo(f"{len(files)} file(s): nothing wrong found.")


for _name, _group in (
    ("events", events_app),
    ("db", db_app),
    ("user", user_app),
    ("token", token_app),
    ("device", device_app),
    ("secrets", secrets_app),
):
    app.add_typer(_group, name=_name)


def _settings(config: Path | None, **given: Any) -> Settings:
    from dashboard.operations.settings import load_settings

    return load_settings(config, **given)


def _part(name: str, run: Callable[[Settings], None], config: Path | None, **given: Any) -> None:
    from dashboard.operations.logs import configure_logging
    from dashboard.operations.supervisor import die_with_parent

    die_with_parent()
    settings = _settings(config, **given)
    configure_logging(settings.log_format, name)
    run(settings)


def main() -> None:
    """Run a command. Exit 0: done; 1: the work failed; 2: the input is wrong."""
    try:
        app()
    except (InputMistakes, NotFound, Refusal) as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except HistotwinError as error:
        typer.echo(f"histotwin: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

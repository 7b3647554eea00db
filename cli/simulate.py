"""`shoal simulate`: a shop with known customers, as events on Kafka or in files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.local.service_addresses import KafkaOption, kafka_settings
from cli.local.stop_signals import stop_on_signals
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import JsonOption, errors, print_json, tables

if TYPE_CHECKING:
    from cli.feeding.event_sinks import Sink
    from simulation.scenarios.scenario import Scenario

__all__ = ["register"]

_KAFKA: Final = "kafka"
_MAX_DAYS: Final = 100_000
_LATEST: Final = 2999
_EPILOG = """Examples:

- `shoal simulate --customers 1000 --to shop`
- `shoal simulate --scenario new-group --events 1000000 --truth truth.jsonl`
- `shoal simulate --speed 3600 --start now` an hour a second, until Ctrl-C or the scenario's end
- `shoal simulate --scenario promotion --show > mine.json`, then edit it, and `shoal simulate --scenario mine.json`
"""


@dataclass(frozen=True)
class _Options:
    """What is simulated, for how long, how fast, and where it goes."""

    scenario: Annotated[
        str,
        typer.Option(
            help="default, stationary, promotion, price-change, dying-group, new-group, or a scenario file "
            "(.json, .yaml).",
            metavar="NAME|FILE",
        ),
    ] = "default"
    customers: Annotated[int, typer.Option(help="Customers that the groups begin with.", min=1, max=10_000_000)] = (
        10_000
    )
    events: Annotated[
        int | None, typer.Option(help="End after so many events.", min=1, metavar="N", show_default=False)
    ] = None
    days: Annotated[
        int | None,
        typer.Option(
            help="End after so many days of the shop; by default after the scenario's.",
            min=1,
            max=_MAX_DAYS,
            metavar="D",
            show_default=False,
        ),
    ] = None
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.", min=0)] = 1
    start: Annotated[str, typer.Option(help="Time of the first day, RFC 3339 with a zone, or now.", metavar="T")] = (
        "2025-01-01T00:00:00Z"
    )
    rate: Annotated[
        float | None,
        typer.Option(help="So many events a second, at most.", min=0.001, metavar="EVENTS_PER_S", show_default=False),
    ] = None
    speed: Annotated[
        float | None,
        typer.Option(help="So many seconds of the shop a second.", min=0.001, metavar="X", show_default=False),
    ] = None
    to: Annotated[
        str, typer.Option(help="kafka, or a folder for a JSON Lines file of each topic.", metavar="kafka|DIR")
    ] = _KAFKA
    truth: Annotated[
        Path | None,
        typer.Option(
            help="File for what is true: groups, changes, effects, customers; in a folder truth.jsonl by default.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None
    show: Annotated[bool, typer.Option("--show", help="Print the scenario as JSON, and simulate nothing.")] = False
    kafka: KafkaOption = None
    as_json: JsonOption = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate", epilog=_EPILOG)(simulate)


@expand_option_groups
def simulate(options: _Options) -> None:
    """Simulate a shop: orders, web sessions, profiles, and an experiment, of customers whose groups are known.

    Customers buy and leave by the BG/NBD model and spend by the Gamma-Gamma model. The same scenario, customers, seed
    and start give the same events, in order of time. They are published as fast as possible, or paced by --rate or
    --speed. Ctrl-C ends it cleanly. docs/simulation.md says what is simulated, and how to write a scenario.
    """
    scenario = _scenario(options.scenario)
    if options.show:
        print_json(scenario.model_dump(mode="json", exclude_none=True))
        return
    _at_most_one(("--events", options.events), ("--days", options.days))
    _at_most_one(("--rate", options.rate), ("--speed", options.speed))
    document = _run(scenario, options)
    if options.as_json:
        print_json(document)
    else:
        tables().print(_sentence(document), highlight=False, soft_wrap=True)


def _run(scenario: "Scenario", options: _Options) -> dict[str, Any]:
    """Simulate, and return what was done, as `--json` prints it."""
    from cli.feeding.pacing import Pace
    from cli.feeding.simulation_run import run_simulation
    from simulation.shop import Shop

    shop = Shop(scenario, options.customers, options.seed, _instant(options.start))
    pace = Pace(round(shop.start.timestamp() * 1000), options.rate, options.speed)
    days = None if options.events else options.days or scenario.days
    _warn_of_the_future(shop.start + timedelta(days=days or 0), options.to)
    where, sink, truth = _target(options.to, options.truth, options.kafka)
    with sink:
        done = run_simulation(shop, sink, truth, days=days, events=options.events, pace=pace, stop=stop_on_signals())
    return {"scenario": scenario.name, "seed": options.seed, "customers": options.customers, "to": where, **done}


def _scenario(name: str) -> "Scenario":
    """Return the scenario of a name or a file. Raises ScenarioInvalid."""
    from simulation.scenarios.named_scenarios import SCENARIOS
    from simulation.scenarios.scenario import ScenarioInvalid, parse_scenario

    if name in SCENARIOS:
        return SCENARIOS[name]
    if not Path(name).is_file():
        raise typer.BadParameter(
            f"there is no scenario and no file {name}; the scenarios are {', '.join(SCENARIOS)}",
            param_hint="--scenario",
        )
    try:
        return parse_scenario(Path(name).read_text("utf-8"), name)
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioInvalid(f"{name} cannot be read: {error}") from error


def _at_most_one(*options: tuple[str, object]) -> None:
    used = [name for name, value in options if value is not None]
    if len(used) > 1:
        raise typer.BadParameter(f"choose {' or '.join(used)}, not both", param_hint=used[-1])


def _instant(text: str) -> datetime:
    from pydantic import TypeAdapter, ValidationError

    from events.schema.field_types import Instant

    if text == "now":
        return datetime.now(UTC)
    try:
        found: datetime = TypeAdapter(Instant).validate_python(text)
    except ValidationError as error:
        message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise typer.BadParameter(message, param_hint="--start") from error
    if not 1970 <= found.year <= _LATEST:
        raise typer.BadParameter(f"should lie in the years 1970 to {_LATEST}, found {text}", param_hint="--start")
    return found


def _warn_of_the_future(end: datetime, to: str) -> None:
    """Warn that a worker will refuse events, where the shop's last day lies well ahead."""
    if to == _KAFKA and end > datetime.now(UTC) + timedelta(days=1):
        errors().print(
            f"The shop's days end on {end:%Y-%m-%d}: a worker refuses events that lie more than SHOAL_FUTURE_HOURS "
            "ahead of its clock. Choose an earlier --start, fewer --days, or --speed 1 with --start now.",
            highlight=False,
            soft_wrap=True,
        )


def _target(to: str, truth: Path | None, kafka: str | None) -> tuple[str, "Sink", Path | None]:
    """Return where the events go, in words and as a sink, and where the truth goes."""
    from cli.feeding.event_sinks import FileTaken, FolderSink, TopicSink

    folder = None if to == _KAFKA else Path(to)
    if folder and folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{to} is a file, not a folder", param_hint="--to")
    path = truth or (folder and folder / "truth.jsonl")
    if path and path.exists():
        raise FileTaken(path)
    if folder:
        return to, FolderSink(folder), path
    settings = kafka_settings(kafka)
    return settings.kafka, TopicSink(settings), path


def _sentence(document: dict[str, Any]) -> str:
    topics = ", ".join(f"{count:,} {topic}" for topic, count in document["topics"].items())
    times = f", from {document['first']} to {document['last']}" if document["events"] else ""
    ended = "Stopped: " if document["stopped"] else ""
    truth = f" The truth is in {document['truth']}." if document["truth"] else ""
    return (
        f"{ended}{document['events']:,} events of the scenario {document['scenario']} to {document['to']} in "
        f"{document['seconds']:.1f} s{times}: {topics}.{truth}"
    )

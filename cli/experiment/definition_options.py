"""The options that define an experiment, the same for `create` and `update`; what is not given is left as it is."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import typer

from cli.printing.durations import duration_s

__all__ = [
    "FIELDS",
    "DefinitionOptions",
    "FromFile",
    "MetricName",
    "given",
    "instant",
    "margin",
    "read_definition",
    "segment_ids",
    "variant",
    "window_s",
]

MetricName = Literal["conversion_rate", "revenue_per_customer", "average_order_value", "retention"]
Method = Literal["sequential", "group_sequential", "fixed"]


def _option(name: str, text: str, **more: Any) -> Any:
    return typer.Option(name, help=text, show_default=False, **more)


FromFile = Annotated[
    Path | None,
    _option(
        "--from", "A definition as JSON, with the fields of docs/experiments.md; options win over it.", metavar="FILE"
    ),
]


@dataclass(frozen=True)
class DefinitionOptions:
    """A field each of a definition; None, or an empty list, leaves it as it is."""

    variants: Annotated[
        list[str] | None, _option("--variant", "An arm and its weight, once for each arm.", metavar="NAME[:WEIGHT]")
    ] = None
    control: Annotated[str | None, _option("--control", "The arm that all others are compared with.")] = None
    attribution: Annotated[
        Literal["conversions", "orders"] | None,
        _option("--attribution", "What converts: `conversions` events, or orders themselves (the default)."),
    ] = None
    conversion_window: Annotated[
        str | None,
        _option("--window", "Time after first exposure that counts: 12h, 30d (the default).", metavar="TIME"),
    ] = None
    start: Annotated[str | None, _option("--start", "When exposures begin to count; now by default.", metavar="T")] = (
        None
    )
    stop: Annotated[str | None, _option("--stop", "Planned end: exposures from then on do not count.", metavar="T")] = (
        None
    )
    primary_metric: Annotated[
        MetricName | None,
        _option("--primary", "The metric that decides (default conversion_rate).", case_sensitive=False),
    ] = None
    guardrails: Annotated[
        list[str] | None,
        _option("--guardrail", "A metric that must not get worse; repeat for more.", metavar="METRIC"),
    ] = None
    guardrail_margin: Annotated[
        float | None,
        _option("--guardrail-margin", "Relative worsening up to which a guardrail is not worse (default 0.1)."),
    ] = None
    guardrail_margins: Annotated[
        list[str] | None,
        _option("--margin", "The margin of one guardrail, such as retention:0.02; repeat.", metavar="METRIC:SHARE"),
    ] = None
    minimum_customers: Annotated[
        int | None, _option("--minimum-customers", "Customers of each arm before any verdict (default 100).")
    ] = None
    minimum_buyers: Annotated[
        int | None,
        _option("--minimum-buyers", "Customers with an order of each arm before any decision on money (default 50)."),
    ] = None
    minimum_effect: Annotated[
        float | None, _option("--minimum-effect", "Smallest relative change worth finding (default 0.05, which is 5%).")
    ] = None
    alpha: Annotated[float | None, _option("--alpha", "Error that is accepted, two-sided (default 0.05).")] = None
    power: Annotated[float | None, _option("--power", "Chance to find the minimum effect (default 0.8).")] = None
    method: Annotated[
        Method | None,
        _option("--method", "May be read at any time (sequential, the default), at planned looks, or once."),
    ] = None
    expected_customers: Annotated[
        int | None, _option("--expected-customers", "Where the sequential interval is tightest (default 5000).")
    ] = None
    planned_customers: Annotated[
        int | None, _option("--planned-customers", "Where a fixed or group-sequential experiment ends.")
    ] = None
    looks: Annotated[int | None, _option("--looks", "Planned looks of a group-sequential experiment (default 5).")] = (
        None
    )
    spending: Annotated[
        Literal["obrien_fleming", "pocock"] | None,
        _option("--spending", "How planned looks spend alpha (default obrien_fleming)."),
    ] = None
    segments: Annotated[
        list[str] | None, _option("--segment", "A segment to slice by, id or name; repeat. Without it: all.")
    ] = None
    targeted_segments: Annotated[
        list[str] | None,
        _option("--target", "Assign only customers of this segment, id or name; repeat. Without it: all."),
    ] = None
    holdout_share: Annotated[
        float | None, _option("--holdout", "Share of customers kept out of all experiments (default 0).")
    ] = None
    retention_days: Annotated[
        int | None, _option("--retention-days", "Days within which a second order is retention (default 90).")
    ] = None
    pre_period_days: Annotated[
        int | None, _option("--pre-period-days", "Days before first exposure that CUPED adjusts by (default 90).")
    ] = None
    cuped: Annotated[
        bool | None,
        typer.Option("--cuped/--no-cuped", help="Decide on revenue after CUPED (the default).", show_default=False),
    ] = None
    correction: Annotated[
        Literal["holm", "benjamini_hochberg"] | None,
        _option("--correction", "Of p-values within each family (default holm)."),
    ] = None
    salt: Annotated[str | None, _option("--salt", "Seed of the assignment; the id by default.")] = None
    holdout_salt: Annotated[
        str | None, _option("--holdout-salt", "Seed of the holdout; the same keeps the same customers.")
    ] = None
    description: Annotated[str | None, _option("--description", "Free text.")] = None


FIELDS: Final[Mapping[str, str]] = {
    field.name: get_args(field.type)[1].default for field in dataclasses.fields(DefinitionOptions)
}
"""The option that sets each field of a definition."""


def given(options: DefinitionOptions) -> dict[str, Any]:
    """Return the fields that the options set, as the definition takes them.

    Raises typer.BadParameter.
    """
    found = {name: value for name, value in vars(options).items() if value not in (None, [])}
    if "variants" in found:
        found["variants"] = [variant(each) for each in found["variants"]]
    if "guardrail_margins" in found:
        found["guardrail_margins"] = dict(margin(each) for each in found["guardrail_margins"])
    if "conversion_window" in found:
        found["conversion_window"] = window_s(found["conversion_window"])
    for name in ("start", "stop"):
        if name in found:
            found[name] = instant(found[name], FIELDS[name])
    return found


def variant(text: str) -> dict[str, Any]:
    """Return a variant from NAME or NAME:WEIGHT. Raises typer.BadParameter.

    >>> variant("B:2.5")
    {'name': 'B', 'weight': 2.5}
    """
    name, colon, weight = text.partition(":")
    if not colon:
        return {"name": name}
    try:
        return {"name": name, "weight": float(weight)}
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}: the weight {weight!r} is no number; write NAME or NAME:WEIGHT, such as B:2",
            param_hint="--variant",
        ) from None


def margin(text: str) -> tuple[str, float]:
    """Return a guardrail and its margin from METRIC:SHARE. Raises typer.BadParameter.

    >>> margin("retention:0.02")
    ('retention', 0.02)
    """
    metric, _, share = text.partition(":")
    try:
        return metric, float(share)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}: the margin {share!r} is no number; write METRIC:SHARE, such as retention:0.02",
            param_hint="--margin",
        ) from None


def instant(text: str, option: str) -> datetime:
    """Return a time from RFC 3339 text with a zone, or from a date, which begins at midnight UTC.

    Raises typer.BadParameter.

    >>> instant("2026-03-01", "--start").isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-03-01 or 2026-03-01T09:00:00Z", param_hint=option
        ) from None
    if found.tzinfo is not None:
        return found
    if len(text) > len("2026-03-01"):
        raise typer.BadParameter(f"{text!r} has no zone; write {text}Z for UTC, or +01:00", param_hint=option)
    return found.replace(tzinfo=UTC)


def read_definition(path: Path) -> dict[str, Any]:
    """Return the fields in a JSON file. Raises typer.BadParameter."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path} cannot be read as JSON: {error}", param_hint="--from") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{path} holds no JSON object but a {type(found).__name__}", param_hint="--from")
    return found


def segment_ids(texts: Sequence[str], names: Mapping[str, str], option: str) -> list[str]:
    """Return the ids of segments given by id or by name. Raises typer.BadParameter.

    >>> segment_ids(["s2", "new customers"], {"s2": "Loyal", "s4": "New Customers"}, "--target")
    ['s2', 's4']
    """
    by_name = {name.casefold(): segment_id for segment_id, name in names.items()}
    found = []
    for text in texts:
        segment_id = text if text in names else by_name.get(text.casefold())
        if segment_id is None:
            known = ", ".join(f"{each} ({name})" for each, name in names.items())
            raise typer.BadParameter(f"there is no segment {text!r}; there are {known}", param_hint=option)
        found.append(segment_id)
    return found


def window_s(text: str) -> float:
    """Return the seconds of a window. Raises typer.BadParameter."""
    try:
        return duration_s(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint="--window") from error

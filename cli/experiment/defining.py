"""Store, change and end definitions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from cli.experiment.options import FIELDS, given, instant, read_definition, segment_ids
from cli.experiment.reading import Shop, Stored, open_shop, validated
from events.errors import ShoalError
from experiments import Experiment, check_change

__all__ = ["ChangeRefused", "Ended", "MovedMeanwhile", "Taken", "create", "stop", "update"]


class Taken(ShoalError):
    """An experiment of that id exists."""


class ChangeRefused(ShoalError):
    """The change would break the statistics of an experiment that customers have been exposed to."""


class Ended(ShoalError):
    """The experiment has ended already."""


class MovedMeanwhile(ShoalError):
    """Somebody else changed the definition at the same time."""

    retriable = True


def create(
    experiment_id: str, arguments: Mapping[str, Any], file: Path | None, redis_url: str | None
) -> dict[str, Any]:
    """Store a new definition and return it as JSON values. Raises typer.BadParameter, Taken."""
    shop = open_shop(redis_url)
    fields = {"start": shop.now, **_changes(experiment_id, arguments, file, shop)}
    experiment = validated({**fields, "id": experiment_id})
    if not shop.definitions.create(experiment_id, experiment.model_dump_json()):
        raise Taken(
            f"there is an experiment {experiment_id!r} already; choose another id, or see `shoal experiment update`"
        )
    return experiment.model_dump(mode="json")


def update(
    experiment_id: str, arguments: Mapping[str, Any], file: Path | None, redis_url: str | None
) -> dict[str, Any]:
    """Change a definition and return it as JSON values. Raises typer.BadParameter, ChangeRefused, MovedMeanwhile."""
    shop = open_shop(redis_url)
    stored = shop.stored(experiment_id)
    changes = _changes(experiment_id, arguments, file, shop)
    if not changes:
        raise typer.BadParameter(f"nothing to change is given; options are {', '.join(FIELDS.values())}")
    return _replace(shop, stored, validated({**stored.experiment.model_dump(), **changes, "id": experiment_id}))


def stop(experiment_id: str, at: str | None, redis_url: str | None) -> dict[str, Any]:
    """End an experiment now, or at an earlier time, and return its definition. Raises typer.BadParameter, Ended."""
    shop = open_shop(redis_url)
    stored = shop.stored(experiment_id)
    end = stored.experiment.end
    if end is not None and end <= shop.now:
        raise Ended(f"experiment {experiment_id!r} has ended at {end.isoformat()} already")
    when = shop.now if at is None else instant(at, "--at")
    if not stored.experiment.start <= when <= shop.now:
        raise typer.BadParameter(
            f"{when.isoformat()} is not between the start {stored.experiment.start.isoformat()} and now "
            f"{shop.now.isoformat()}; for an end to come use `shoal experiment update {experiment_id} --stop T`",
            param_hint="--at",
        )
    return _replace(shop, stored, validated({**stored.experiment.model_dump(), "stopped_at": when}))


def _changes(experiment_id: str, arguments: Mapping[str, Any], file: Path | None, shop: Shop) -> dict[str, Any]:
    changes = {**(read_definition(file) if file else {}), **given(arguments)}
    if changes.setdefault("id", experiment_id) != experiment_id:
        raise typer.BadParameter(f"{file} defines experiment {changes['id']!r}, not {experiment_id!r}")
    del changes["id"]
    for name in ("segments", "targeted_segments"):
        if isinstance(changes.get(name), list):
            changes[name] = segment_ids([str(each) for each in changes[name]], shop.segment_names(), FIELDS[name])
    return changes


def _replace(shop: Shop, stored: Stored, changed: Experiment) -> dict[str, Any]:
    old = stored.experiment
    exposed = sum(tally.exposed for tally in shop.reading(old.id).tallies.cells.values())
    refusals = check_change(old, changed, running=exposed > 0)
    if refusals:
        said = "; ".join(f"{_spoken(each.field)} may not change: {each.reason}" for each in refusals)
        raise ChangeRefused(f"{exposed:,} customers have been exposed to {old.id!r}, and {said}")
    if not shop.definitions.replace(old.id, changed.model_dump_json(), stored.text):
        raise MovedMeanwhile(
            f"somebody else has changed experiment {old.id!r} at the same time; look at it and try again"
        )
    return changed.model_dump(mode="json")


def _spoken(field: str) -> str:
    return field.replace("_", " ")

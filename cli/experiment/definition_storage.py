"""Store, change and end definitions."""

from pathlib import Path
from typing import Any

import typer

from cli.experiment.definition_options import FIELDS, DefinitionOptions, given, instant, read_definition, segment_ids
from cli.experiment.stored_experiments import Shop, open_shop, validated
from queries.experiments.experiments import ExperimentNotRunning

__all__ = ["create", "stop", "update"]


def create(experiment_id: str, options: DefinitionOptions, file: Path | None, redis_url: str | None) -> dict[str, Any]:
    """Store a new definition and return it as JSON values. Raises typer.BadParameter, ExperimentExists."""
    shop = open_shop(redis_url)
    fields = {"start": shop.now, **_changes(experiment_id, options, file, shop)}
    experiment = validated({**fields, "id": experiment_id})
    shop.experiments.create(experiment)
    return experiment.model_dump(mode="json")


def update(experiment_id: str, options: DefinitionOptions, file: Path | None, redis_url: str | None) -> dict[str, Any]:
    """Change a definition and return it as JSON values. Raises typer.BadParameter, ChangeRefused, ConcurrentChange."""
    shop = open_shop(redis_url)
    stored = shop.stored(experiment_id)
    changes = _changes(experiment_id, options, file, shop)
    if not changes:
        raise typer.BadParameter(f"nothing to change is given; options are {', '.join(FIELDS.values())}")
    changed = validated({**stored.experiment.model_dump(), **changes, "id": experiment_id})
    shop.experiments.replace(stored, changed)
    return changed.model_dump(mode="json")


def stop(experiment_id: str, at: str | None, redis_url: str | None) -> dict[str, Any]:
    """End an experiment now, or at an earlier time, and return its definition.

    Raises typer.BadParameter, ExperimentEnded.
    """
    when = None if at is None else instant(at, "--at")
    try:
        stopped = open_shop(redis_url).experiments.stop(experiment_id, when)
    except ExperimentNotRunning as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    return stopped.model_dump(mode="json")


def _changes(experiment_id: str, options: DefinitionOptions, file: Path | None, shop: Shop) -> dict[str, Any]:
    changes = {**(read_definition(file) if file else {}), **given(options)}
    if changes.setdefault("id", experiment_id) != experiment_id:
        raise typer.BadParameter(f"{file} defines experiment {changes['id']!r}, not {experiment_id!r}")
    del changes["id"]
    for name in ("segments", "targeted_segments"):
        if isinstance(changes.get(name), list):
            changes[name] = segment_ids([str(each) for each in changes[name]], shop.segment_names(), FIELDS[name])
    return changes

"""Store, change and end definitions."""

from pathlib import Path
from typing import Any

import typer

from cli.experiment.definition_options import FIELDS, DefinitionOptions, given, instant, read_definition, segment_ids
from cli.experiment.stored_experiments import open_experiments_to_change, validated
from queries.experiments.experiments import ExperimentNotRunning, Experiments
from queries.segments.segment_names import all_segment_names

__all__ = ["create", "stop", "update"]


def create(experiment_id: str, options: DefinitionOptions, file: Path | None, redis_url: str | None) -> dict[str, Any]:
    """Store a new definition and return it as JSON values. Raises typer.BadParameter, ExperimentExists."""
    experiments = open_experiments_to_change(redis_url)
    fields = {"start": experiments.now(), **_changes(experiment_id, options, file, experiments)}
    experiment = validated({**fields, "id": experiment_id})
    experiments.create(experiment)
    return experiment.model_dump(mode="json")


def update(experiment_id: str, options: DefinitionOptions, file: Path | None, redis_url: str | None) -> dict[str, Any]:
    """Change a definition and return it as JSON values. Raises typer.BadParameter, ChangeRefused, ConcurrentChange."""
    experiments = open_experiments_to_change(redis_url)
    stored = experiments.stored(experiment_id)
    changes = _changes(experiment_id, options, file, experiments)
    if not changes:
        raise typer.BadParameter(f"nothing to change is given; options are {', '.join(FIELDS.values())}")
    changed = validated({**stored.experiment.model_dump(), **changes, "id": experiment_id})
    experiments.replace(stored, changed)
    return changed.model_dump(mode="json")


def stop(experiment_id: str, at: str | None, redis_url: str | None) -> dict[str, Any]:
    """End an experiment now, or at an earlier time, and return its definition.

    Raises typer.BadParameter, ExperimentEnded.
    """
    when = None if at is None else instant(at, "--at")
    try:
        stopped = open_experiments_to_change(redis_url).stop(experiment_id, when)
    except ExperimentNotRunning as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    return stopped.model_dump(mode="json")


def _changes(
    experiment_id: str, options: DefinitionOptions, file: Path | None, experiments: Experiments
) -> dict[str, Any]:
    changes = {**(read_definition(file) if file else {}), **given(options)}
    if changes.setdefault("id", experiment_id) != experiment_id:
        raise typer.BadParameter(f"{file} defines experiment {changes['id']!r}, not {experiment_id!r}")
    del changes["id"]
    lists = [name for name in ("segments", "targeted_segments") if isinstance(changes.get(name), list)]
    names = all_segment_names(experiments.client) if lists else {}
    for name in lists:
        changes[name] = segment_ids([str(each) for each in changes[name]], names, FIELDS[name])
    return changes

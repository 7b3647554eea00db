"""The page of all settings, generated from the classes: `python -m cli.printing.settings_page > docs/settings.md`."""

import json
import sys
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from api.settings import ApiSettings
from batch.settings import BatchSettings
from consumers.settings import ConsumerSettings
from consumers.tallies.settings import ExperimentSettings
from events.settings import KafkaSettings
from state.operations.settings import MetricsSettings
from state.settings import StateSettings
from stream.campaigns.settings import TriggerSettings
from stream.settings import StreamSettings

__all__ = ["settings_page"]

_PARTS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("Kafka", KafkaSettings),
    ("Redis and records", StateSettings),
    ("Taking events in", ConsumerSettings),
    ("Segmenting", StreamSettings),
    ("Tallying experiments", ExperimentSettings),
    ("Baselines", BatchSettings),
    ("Campaign triggers", TriggerSettings),
    ("API and dashboard", ApiSettings),
    ("Metrics and probes of each service", MetricsSettings),
)

_HEAD = """# Settings

Every setting is an environment variable, read once when a process starts. Lists and maps are JSON. Those marked
*fixed* are recorded in Redis with the first data; a process that is started with another value says so and stops.

This page is generated: `make docs`.
"""

_SIGNS: dict[type[Any], tuple[str, str]] = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}


def settings_page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for title, settings in _PARTS:
        rows = [_row(name, field) for name, field in settings.model_fields.items()]
        parts.append(f"\n## {title}\n\n| variable | default | bounds | what it is |\n| --- | --- | --- | --- |\n")
        parts.append("\n".join(rows) + "\n")
    return "".join(parts)


def _row(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    bounds = " ".join(
        f"{sign} {_figure(getattr(item, attribute))}"
        for item in field.metadata
        for kind, (sign, attribute) in _SIGNS.items()
        if isinstance(item, kind)
    )
    description = (field.description or "").replace("; fixed once data exists", "; *fixed* once data exists")
    default = json.dumps(default) if isinstance(default, tuple) and default else default
    return f"| `SHOAL_{name.upper()}` | `{default if default != '' else ' '}` | {bounds} | {description} |"


def _figure(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


if __name__ == "__main__":
    sys.stdout.write(settings_page())

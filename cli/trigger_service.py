"""`shoal triggers`: the service that calls the webhooks of segment changes, until it is stopped."""

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import log_to_stderr

__all__ = ["register"]

_EXAMPLE = "Example: `SHOAL_KAFKA=kafka:9092 SHOAL_REDIS=redis://redis:6379/0 shoal triggers`"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("triggers", epilog=_EXAMPLE)(triggers)


def triggers(kafka: KafkaOption = None, redis: RedisOption = None) -> None:
    """Call the webhooks of segment changes, until stopped; several may run, sharing the work."""
    from consumers.settings import ConsumerSettings
    from events.topics.permissions import SERVICES
    from events.topics.required_topics import require_topics
    from stream.campaigns.service import run_triggers
    from stream.campaigns.settings import TriggerSettings

    log_to_stderr()
    address = kafka_settings(kafka)
    require_topics(address, needs=SERVICES["triggers"])
    session_s = ConsumerSettings().session_timeout_s
    raise typer.Exit(run_triggers(address, state_settings(redis), TriggerSettings(), session_s))

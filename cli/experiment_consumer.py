"""`shoal experiments`: one experiment consumer, until it is stopped."""

import signal

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import log_to_stderr

__all__ = ["register"]

_EXAMPLE = "Example: `SHOAL_KAFKA=kafka:9092 SHOAL_REDIS=redis://redis:6379/0 shoal experiments`"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("experiments", epilog=_EXAMPLE)(experiments)


def experiments(kafka: KafkaOption = None, redis: RedisOption = None) -> None:
    """Tally exposures, conversions and orders of every experiment, each event once."""
    from consumers.runtime.runtime_metrics import register_lag
    from consumers.settings import ConsumerSettings
    from consumers.tallies.service import ServiceSettings, build_service
    from consumers.tallies.settings import ExperimentSettings
    from events.topics.permissions import SERVICES
    from events.topics.required_topics import require_topics
    from events.topics.specs import EXPERIMENT_TOPICS
    from state.operations.metrics_server import serve_metrics
    from state.operations.settings import MetricsSettings
    from state.store import keys
    from state.store.connection import connect_for_service

    log_to_stderr()
    address = kafka_settings(kafka)
    require_topics(address, needs=SERVICES["experiments"])
    state = state_settings(redis)
    service = build_service(ServiceSettings(address, state, ConsumerSettings(), ExperimentSettings()))
    register_lag(
        connect_for_service(state), address, keys.EXPERIMENTS_GROUP, EXPERIMENT_TOPICS, lambda: service.partitions
    )
    serve_metrics(MetricsSettings(), [service.health])
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: service.stop())
    raise typer.Exit(service.run())

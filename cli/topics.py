"""`shoal topics`: create the topics, compare them with what is there, print who needs which rights."""

import shlex
from typing import Annotated

import typer

from cli.local.service_addresses import KafkaOption, kafka_settings
from cli.printing.output import JsonOption, print_json, tables

__all__ = ["app"]

app = typer.Typer(help="Create the Kafka topics, or compare them with what is there.", no_args_is_help=True)


@app.command("create", epilog="Example: `shoal topics create --kafka kafka:9092`")
def create(kafka: KafkaOption = None, as_json: JsonOption = False) -> None:
    """Create the topics that are missing; existing ones are left as they are."""
    from events.topics.administration import create_topics
    from events.topics.specs import topic_specs

    settings = kafka_settings(kafka)
    specs = topic_specs(settings)
    created = create_topics(settings.kafka, specs, settings.security)
    if as_json:
        print_json({"created": created, "existing": [spec.name for spec in specs if spec.name not in created]})
        return
    for spec in specs:
        tables().print(f"{'created' if spec.name in created else 'exists '} {spec.name}")


@app.command("check", epilog="Example: `shoal topics check --json`")
def check(kafka: KafkaOption = None, as_json: JsonOption = False) -> None:
    """Compare partitions and settings of each topic with what it should be; exit 1 where one differs."""
    from rich.table import Table

    from events.topics.administration import check_topics
    from events.topics.specs import topic_specs

    settings = kafka_settings(kafka)
    findings = check_topics(settings.kafka, topic_specs(settings), settings.security)
    fine = all(found.state == "ok" for found in findings)
    if as_json:
        print_json({"ok": fine, "topics": [found._asdict() for found in findings]})
    else:
        table = Table("topic", "state", "what differs")
        for found in findings:
            table.add_row(found.topic, found.state, found.detail)
        tables().print(table)
    if not fine:
        raise typer.Exit(1)


@app.command("acls", epilog="Example: `shoal topics acls --user-prefix shoal-`")
def acls(
    user_prefix: Annotated[str, typer.Option(help="How the users' names begin.")] = "shoal-",
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the Kafka ACLs and Redis users of each service and each kind of publisher; nothing is changed."""
    from events.topics.service_acls import acl_commands, topic_acls
    from state.store.service_acls import REDIS_USERS, acl_rules

    settings = kafka_settings(kafka)
    users = {f"{user_prefix}{service}": acl_rules(service) for service in REDIS_USERS}
    if as_json:
        found = [each._asdict() for each in topic_acls(settings, user_prefix)]
        print_json({"kafka": found, "redis": [{"user": user, "rules": rules} for user, rules in users.items()]})
        return
    for command in acl_commands(settings, topic_acls(settings, user_prefix)):
        tables().print(command, markup=False, highlight=False, soft_wrap=True)
    for user, rules in users.items():
        command = f"redis-cli ACL SETUSER {user} on '>PASSWORD' {' '.join(map(shlex.quote, rules))}"
        tables().print(command, markup=False, highlight=False, soft_wrap=True)

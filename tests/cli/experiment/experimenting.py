"""What tests of `shoal experiment` share: running commands against a Redis, and tallies as the consumer leaves them."""

import json
from typing import Any, NamedTuple

import redis
from typer.testing import CliRunner, Result

from cli.main import app
from experiments import Tallies, Tally
from state.experiments.tally_store import LEFT_OUT, cell_field
from state.store import keys

PARTITIONS = 4


class Shoal(NamedTuple):
    """Runs commands in this process."""

    url: str

    def __call__(self, *arguments: str, fails: bool = False, **settings: str) -> Result:
        environment = {"SHOAL_REDIS": self.url, "SHOAL_PARTITIONS": str(PARTITIONS), "COLUMNS": "200", **settings}
        result = CliRunner().invoke(app, list(arguments), env=environment)
        if result.exception is not None and not fails:
            raise result.exception
        return result

    def json(self, *arguments: str, **settings: str) -> Any:
        return json.loads(self(*arguments, "--json", **settings).stdout)

    def refused(self, *arguments: str) -> str:
        """What a command says that ends with exit code 2."""
        result = self(*arguments, fails=True)
        assert result.exit_code == 2, result.output
        return " ".join(result.stderr.replace("│", " ").split())


def tallied(client: redis.Redis, experiment_id: str, tallies: Tallies, **left_out: int) -> None:
    """Write tallies as the consumer does, each cell spread over two partitions."""
    for place, ((variant, segment), tally) in enumerate(tallies.cells.items()):
        first = Tally(*(value // 3 for value in tally.values()))
        for partition, part in ((place % PARTITIONS, first), ((place + 1) % PARTITIONS, tally - first)):
            field, value = cell_field((variant, segment)), " ".join(map(str, part.values()))
            client.hset(keys.tally(partition, experiment_id), field, value)
    for reason, count in left_out.items():
        client.hset(keys.tally(0, experiment_id), LEFT_OUT + reason, count)


def counts(exposed: int, converted: int, **more: int) -> Tally:
    return Tally(exposed=exposed, converted=converted, **more)

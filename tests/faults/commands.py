"""What an operator does meanwhile, by the command line: declare, add a trigger, propose a baseline, erase."""

import json
from typing import Any

from typer.testing import CliRunner

from cli.main import app
from tests.faults.cluster import CAUSES, TRIGGER, Cluster
from tests.faults.shop import EXPERIMENT

TRIES = 30


def run(cluster: Cluster, *arguments: str, tries: int = TRIES) -> Any:
    """Run a command until it succeeds, a fault may be going on; return its document."""
    ran = None
    for _ in range(tries):
        cluster.supervise()
        ran = CliRunner().invoke(app, [*arguments, "--json"], env=cluster.service.environment)
        if ran.exit_code == 0:
            return json.loads(ran.stdout)
    assert ran is not None
    raise AssertionError(f"{' '.join(arguments)}: {ran.exception or ran.output}")


def prepare(cluster: Cluster) -> None:
    """Declare the experiment and add the trigger."""
    run(
        cluster, "experiment", "create", EXPERIMENT["id"], "--variant", "A", "--variant", "B", "--control", "A",
        "--attribution", "orders", "--start", EXPERIMENT["start"], "--stop", EXPERIMENT["stop"],
        "--window", f"{EXPERIMENT['window_days']}d", "--retention-days", str(EXPERIMENT["retention_days"]),
        "--pre-period-days", str(EXPERIMENT["pre_period_days"]),
    )  # fmt: skip
    causes = [part for cause in CAUSES for part in ("--cause", cause)]
    url, secret = cluster.receiver.url, cluster.receiver.secret
    run(cluster, "trigger", "add", TRIGGER, "--url", url, "--secret", secret, *causes)


def rebaseline(cluster: Cluster, k: int) -> None:
    """Fit segments to whom there are, and put them live, if they are enough."""
    run(cluster, "rebaseline", "--k", str(k), "--approve", "--by", "harness")


def erase(cluster: Cluster, customer_id: str) -> None:
    """Erase somebody."""
    run(cluster, "erase", customer_id)

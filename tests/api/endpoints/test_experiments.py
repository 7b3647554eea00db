"""Experiments over HTTP: defined once, read, assigned the same everywhere, ended."""

import pytest

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from experiments import Experiment, assign
from state.campaigns.suppressions import ALL, SuppressionStore

READ, WRITE = Scope.EXPERIMENTS_READ, Scope.EXPERIMENTS_WRITE
BANNER = {"id": "banner", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "start": "2025-12-01T00:00:00Z"}


@pytest.fixture
def banner(shop):
    answer = shop.post("/v1/experiments", BANNER, WRITE)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_experiment_is_defined_once_and_read(shop, banner):
    assert shop.get("/v1/experiments/banner", READ).json() == banner
    assert Experiment.model_validate(banner).control == "A"
    assert shop.post("/v1/experiments", BANNER, WRITE).status_code == 409
    (listed,) = shop.get("/v1/experiments", READ).json()["experiments"]
    assert (listed["experiment"], listed["exposed"], listed["status"]) == ("banner", 0, "running")
    report = shop.get("/v1/experiments/banner/report", READ).json()
    assert report["verdict"]["sentence"] == listed["sentence"]
    assert [arm["variant"] for arm in report["overall"]["arms"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("change", "says"),
    [({"control": "C"}, "control is 'C'"), ({"colour": "red"}, "colour"), ({"alpha": 2}, "alpha")],
)
def test_a_definition_that_is_none_names_the_fault(shop, change, says):
    answer = shop.post("/v1/experiments", {**BANNER, **change}, WRITE)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_an_assignment_is_that_of_the_library(shop, banner):
    for customer_id in ("c001", "c002", "c003", "c004", "stranger"):
        answer = shop.get(f"/v1/experiments/banner/assignment?customer_id={customer_id}", READ).json()
        assert answer["variant"] == assign(customer_id, Experiment.model_validate(banner)).variant
        assert answer["segment_id"] is None, "the key may not read segments"
    assert shop.get("/v1/experiments/banner/assignment?customer_id=c001").json()["segment_id"] == "s2"
    SuppressionStore(shop.redis).add(ALL, ["c001"])
    left_out = shop.get("/v1/experiments/banner/assignment?customer_id=c001", READ).json()
    assert (left_out["variant"], left_out["unassigned"]) == (None, "suppressed")


def test_an_experiment_ends_once_and_it_is_on_record(shop, banner):
    stopped = shop.client.post("/v1/experiments/banner/stop", headers=shop.headers(WRITE))
    assert stopped.status_code == 200, stopped.text
    assert stopped.json()["stopped_at"] is not None
    assert shop.client.post("/v1/experiments/banner/stop", headers=shop.headers(WRITE)).status_code == 409
    assert [each.action for each in read_audit(shop.redis)] == ["experiment.create", "experiment.stop"]


def test_what_is_not_there_is_404(shop):
    for path in ("", "/report", "/assignment?customer_id=c1"):
        assert shop.get(f"/v1/experiments/none{path}", READ).status_code == 404
    assert shop.client.post("/v1/experiments/none/stop", headers=shop.headers(WRITE)).status_code == 404


def test_power_is_that_of_the_library(shop):
    answer = shop.post("/v1/experiments:power", {"rate": 0.05, "lift": 0.1}, READ)
    assert answer.json() == {"customers_per_arm": 31_234, "cannot_say": None, "test": "fixed"}
    assert shop.post("/v1/experiments:power", {"rate": 0.05, "lift": 0}, READ).json()["customers_per_arm"] is None

"""Exclusions over HTTP: customers are left out and let in, page by page, and each is on record."""

import pytest

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from state.campaigns.suppressions import ALL, SuppressionStore, campaign_scope
from tests.api.conftest import EVIL

READ, WRITE = Scope.CUSTOMERS_READ, Scope.ADMIN


def test_customers_are_left_out_and_let_in_again_and_it_is_on_record(shop):
    body = {"scope": "campaign:winback", "customer_ids": ["c001", EVIL, "c001"]}
    assert shop.post("/v1/suppressions:add", body, WRITE).json() == {
        "scope": "campaign:winback", "customers": 2, "added": 2,
    }  # fmt: skip
    assert SuppressionStore(shop.redis).are_suppressed([EVIL, "c002"], [campaign_scope("winback")]) == [True, False]
    assert shop.post("/v1/suppressions:add", body, WRITE).json()["added"] == 0
    assert shop.post("/v1/suppressions:remove", body, WRITE).json()["removed"] == 2
    assert shop.get("/v1/suppressions", READ).json() == {"scopes": []}
    actions = [(each.action, each.detail) for each in read_audit(shop.redis, EVIL)]
    assert actions == [("suppression.add", "campaign:winback")] * 2 + [("suppression.remove", "campaign:winback")]


def test_without_a_scope_it_is_everything(shop):
    shop.post("/v1/suppressions:add", {"customer_ids": ["c001"]}, WRITE)
    shop.post("/v1/suppressions:add", {"scope": "segment:s3", "customer_ids": ["c001", "c002"]}, WRITE)
    assert SuppressionStore(shop.redis).are_suppressed(["c001"], [ALL]) == [True]
    scopes = shop.get("/v1/suppressions", READ).json()["scopes"]
    assert scopes == [{"scope": "all", "customers": 1}, {"scope": "segment:s3", "customers": 2}]
    mine = shop.get("/v1/suppressions?customer_id=c002", READ).json()["scopes"]
    assert mine == [{"scope": "segment:s3", "customers": 2}]


@pytest.mark.parametrize(("size", "limit"), [(5, 2), (120, 7), (3_000, 1_000)])
def test_the_pages_of_a_scope_hold_everybody_once(shop, size, limit):
    everybody = {f"customer {i}/ü" for i in range(size)}
    SuppressionStore(shop.redis).add(ALL, everybody)
    found, cursor = [], ""
    while cursor is not None:
        page = shop.get(f"/v1/suppressions/all?limit={limit}{cursor}", READ).json()
        assert len(page["customers"]) <= limit
        found += page["customers"]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert len(found) == size
    assert set(found) == everybody


@pytest.mark.parametrize(
    "body",
    [
        {"customer_ids": []},
        {"customer_ids": ["x" * 129]},
        {"scope": "campaign:Two Words", "customer_ids": ["c1"]},
        {"scope": "everything", "customer_ids": ["c1"]},
        {"scope": "all", "customer_ids": ["c1"], "until": "tomorrow"},
    ],
)
def test_what_is_no_exclusion_is_refused(shop, body):
    assert shop.post("/v1/suppressions:add", body, WRITE).status_code == 422
    assert shop.get("/v1/suppressions", READ).json() == {"scopes": []}

"""The Operations page: what is wrong can be seen, and mended by who may; nobody else's form does anything."""

import base64
import html
import re
from datetime import UTC, datetime

import pytest

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from consumers.dead_letters.stored_letters import Letter, LetterPage, PublishCounts
from events.schema.outputs import DeadLetter
from state.campaigns.suppressions import ALL, SuppressionStore
from state.campaigns.triggers import TriggerStore
from stream.campaigns.webhook_request import new_secret
from tests.api.conftest import EVIL
from tests.api.pages.test_pages import HTML, seen, signed_in
from tests.stream.campaigns.receiver import Receiver


class Letters:
    """Stands for the topic of dead letters: three of them, the newest with an evil value."""

    def __init__(self, evil):
        self.published, self._all = [], [self._letter(7, evil), self._letter(6, "six"), self._letter(5, "five")]

    def _letter(self, offset, value):
        coded = base64.b64encode(value.encode()).decode()
        at = datetime(2026, 1, 1, tzinfo=UTC)
        letter = DeadLetter(
            topic="orders", partition=0, offset=offset, reason=f"amount: missing {EVIL}", key=coded, value=coded,
            dead_lettered_at=at,
        )  # fmt: skip
        return Letter(f"orders/0/{offset}", letter, None)

    def page(self, most, before=None, topic=None):
        found = [each for each in self._all if before is None or each.letter.offset < before]
        return LetterPage(found[:2], 6 if len(found) > 2 else None)

    def each(self, topic=None):
        return iter(self._all)

    def replay(self, letters, sink):
        self.published += [each.id for each in letters]
        return PublishCounts(len(letters), 0)


@pytest.fixture
def letters(shop):
    services = shop.client.app.state.services.__dict__
    services["letters"] = found = Letters(EVIL)
    services["sink"] = lambda: None
    return found


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setenv("SHOAL_TRIGGER_ADDRESSES", "any")
    with Receiver(new_secret()) as server:
        yield server


def token_of(shop, path="/operations"):
    return re.search(r'name="csrf" value="([^"]+)"', seen(shop, path))[1]


def sent(shop, path, **fields):
    return shop.client.post(path, data=fields, headers=HTML)


@pytest.fixture(autouse=True)
def quick(shop):
    """Most topics are not there in these tests; do not wait for them."""
    services = shop.client.app.state.services.__dict__
    status = {
        "customers": 3, "baseline": 0, "model_version": 0, "events": {}, "events_behind": None, "tallies_behind": None,
        "partitions_behind": None, "changes_unsent": 0, "partitions": 2, "partitions_without_worker": [1],
        "workers": [{"worker": EVIL, "seconds_ago": 0.4, "partitions": [0], "events": 0, "leader": False}],
        "experiments": {"declared": 0, "consumers": []}, "problems": [f"something with {EVIL}"],
        "triggers": {"declared": 0, "services": [], "waiting": 0, "dead": 0},
    }  # fmt: skip
    services["status"] = lambda: status


def test_an_empty_page_says_what_to_do_next(shop):
    signed_in(shop)
    text = seen(shop, "/operations")
    assert "shoal trigger add" in text
    assert "Nobody is left out" in text
    assert "shoal publish" in text


def test_dead_letters_are_listed_as_text_and_replayed_once_by_the_form(shop, letters):
    signed_in(shop)
    part = seen(shop, "/parts/dead-letters")
    assert EVIL not in part
    assert html.escape(EVIL) in part
    csrf = token_of(shop)
    assert sent(shop, "/operations/replay", csrf="other", id="orders/0/7").status_code == 403
    assert sent(shop, "/operations/replay", csrf=csrf).status_code == 422
    assert letters.published == []
    done = sent(shop, "/operations/replay", csrf=csrf, id="orders/0/7")
    assert (done.status_code, done.headers["location"]) == (303, "/operations?done=replayed&n=1")
    assert letters.published == ["orders/0/7"]
    assert "1 events were published again" in seen(shop, done.headers["location"])
    assert sent(shop, "/operations/replay", csrf=csrf, id="orders/9/9").status_code == 404
    assert sent(shop, "/operations/replay", csrf=csrf, all="yes").headers["location"].endswith("n=3")
    assert [each.action for each in read_audit(shop.redis)].count("dead-letters.replay") == 2


def test_older_dead_letters_are_on_the_next_page(shop, letters):
    signed_in(shop)
    first = seen(shop, "/operations/dead-letters")
    assert "orders/0/7" in first
    assert "orders/0/5" not in first
    following = re.search(r'href="(/operations/dead-letters\?before=\d+)"', first)[1]
    assert "orders/0/5" in seen(shop, following)
    assert "No older ones" in seen(shop, "/operations/dead-letters?before=0")
    assert "orders/0/7" in seen(shop, "/operations/dead-letters?before=x")


@pytest.mark.usefixtures("kafka_away")
def test_kafka_away_is_said_in_the_place_of_the_letters(shop):
    signed_in(shop)
    assert "no Kafka broker answers" in seen(shop, "/parts/dead-letters")


def test_a_trigger_is_tried_and_removed_by_the_forms(shop, receiver):
    body = {"trigger": "t", "url": receiver.url, "secret": receiver.secret, "entered": [EVIL]}
    assert shop.post("/v1/triggers", body).status_code == 201
    signed_in(shop)
    text, csrf = seen(shop, "/operations"), token_of(shop)
    assert receiver.secret not in text
    assert EVIL not in text
    assert html.escape(EVIL) in text
    assert "The test call of t was taken" in sent(shop, "/operations/triggers/t/test", csrf=csrf).text
    receiver.behave = lambda number: 404
    assert "was not taken: 404" in sent(shop, "/operations/triggers/t/test", csrf=csrf).text
    assert sent(shop, "/operations/triggers/t/remove", csrf="other").status_code == 403
    assert sent(shop, "/operations/triggers/t/remove", csrf=csrf).status_code == 303
    assert TriggerStore(shop.redis).all() == {}
    assert sent(shop, "/operations/triggers/t/remove", csrf=csrf).status_code == 404


def test_customers_are_left_out_and_let_in_by_the_forms(shop):
    signed_in(shop)
    csrf = token_of(shop)
    done = sent(shop, "/operations/suppress", csrf=csrf, customer_id=EVIL, scope="all")
    assert done.headers["location"] == "/operations?done=added&n=1"
    assert SuppressionStore(shop.redis).are_suppressed([EVIL], [ALL]) == [True]
    assert "everything" in seen(shop, "/operations")
    wrong = sent(shop, "/operations/suppress", csrf=csrf, customer_id="c1", scope=EVIL)
    assert wrong.status_code == 422
    assert EVIL not in wrong.text
    assert sent(shop, "/operations/suppress", csrf=csrf, customer_id="", scope="all").status_code == 422
    assert sent(shop, "/operations/let-in", csrf=csrf, customer_id=EVIL, scope="all").headers["location"][-1] == "1"
    assert [each.action for each in read_audit(shop.redis, EVIL)] == ["suppression.add", "suppression.remove"]


@pytest.mark.parametrize("query", [f"done={EVIL}", "done=added&n=<b>", "done=added&n=", "done=added&n=²", "n=5"])
def test_an_address_made_by_somebody_else_says_nothing(shop, query):
    signed_in(shop)
    assert 'role="status"' not in seen(shop, f"/operations?{query}")


def test_who_may_not_change_anything_sees_no_form(shop, letters):
    shop.post("/v1/triggers", {"trigger": "t", "url": "https://crm.example/secret-path"})
    SuppressionStore(shop.redis).add(ALL, ["c1"])
    signed_in(shop, Scope.SEGMENTS_READ)
    text = seen(shop, "/operations")
    for hidden in ("crm.example", "/operations/replay", "/operations/suppress", "Left out"):
        assert hidden not in text, hidden
    assert "are for keys with the scope <code>admin</code>" in text
    assert shop.client.get("/parts/dead-letters", headers=HTML).status_code == 403
    signed_in(shop, Scope.CUSTOMERS_READ, Scope.SEGMENTS_READ)
    text = seen(shop, "/operations")
    assert "Left out" in text
    assert "/operations/suppress" not in text

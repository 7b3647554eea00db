"""Any body for every route that takes one: no answer is a fault of the service, and each is a document that says what.

`tests/api/endpoints/test_openapi_document.py` sends what the OpenAPI document allows; here is what it does not.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.access.scopes import Scope
from tests.api.access.test_who_may_ask import operations
from tests.api.conftest import app_settings, shop  # noqa: F401 -- fixtures
from tests.events.wire import odd_values
from tests.fuzz.fuzzing import fuzzed

ROUTES = [(method, path) for method, path, _ in operations() if method in {"POST", "PUT", "PATCH"}]
NAMES = ["customer_id", "customer_ids", "scope", "trigger", "url", "secret", "id", "ids", "variants", "control", "name",
         "topic", "all", "limit", "entered", "cap", "", "\u0000", "x" * 300]  # fmt: skip
bodies = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(NAMES), odd_values, max_size=5).map(
        lambda fields: ("{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in fields.items()) + "}").encode()
    ),
    odd_values.map(str.encode),
    st.integers(1, 3_000).map(lambda depth: b"[" * depth),
    st.integers(1, 3_000).map(lambda depth: b'{"customer_id":' * depth),
    st.integers(1, 400).map(lambda count: json.dumps({f"f{i}": i for i in range(count)}).encode()),
)
content_types = st.sampled_from(
    ["application/json", "text/plain", "application/x-www-form-urlencoded", "", "a/b; x=\\"]
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@fuzzed(0.1)
@given(body=bodies, content_type=content_types)
def test_no_body_is_a_fault_of_the_service(shop, method, path, body, content_type):  # noqa: F811
    address = path.replace("{", "").replace("}", "")
    headers = {"Authorization": f"Bearer {shop.token(Scope.ADMIN)}", "Content-Type": content_type}
    answer = shop.client.request(method, address, content=body, headers=headers)
    assert answer.status_code < 500, (body, answer.text)
    assert answer.status_code not in {401, 403}
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code

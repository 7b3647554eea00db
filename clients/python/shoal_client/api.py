"""Read segments, variants and reports from Shoal's HTTP API."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3

from shoal_client.errors import ApiError, ApiUnreachable, Busy

__all__ = ["Assignment", "ExperimentSummary", "Segment", "Shoal"]

_AT_ONCE: Final = 1_000
_BUSY: Final = (429, 503)
_RETRY: Final = urllib3.Retry(
    total=1, redirect=False, status=0, raise_on_redirect=False, respect_retry_after_header=False
)
Answer = TypeVar("Answer")


class Segment(msgspec.Struct, frozen=True):
    """A customer's current segment. `segment_id` stays the same for ever; `segment` is a name, which may change.

    `merged_into` is the customer whose segment this is, where the one that was asked for was merged into another.
    """

    segment_id: str
    segment: str
    since: str
    previous: str | None
    baseline: int
    change_id: str
    merged_into: str | None = None


class Assignment(msgspec.Struct, frozen=True):
    """A customer's variant, the same whenever it is asked, or None and the reason why there is none."""

    experiment: str
    customer_id: str
    status: str
    variant: str | None
    unassigned: str | None = None
    segment_id: str | None = None


class ExperimentSummary(msgspec.Struct, frozen=True):
    """An experiment and its verdict in a sentence."""

    experiment: str
    status: str
    variants: list[str]
    control: str
    primary_metric: str
    exposed: int
    decision: str
    sentence: str


class _Found(msgspec.Struct):
    segments: dict[str, Segment]


class _Listed(msgspec.Struct):
    experiments: list[ExperimentSummary]


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


class Shoal:
    """The API at an address, with a key (`shoal keys create NAME --scope segments:read`).

    One for each process; safe to share between threads, each of which takes one of its `connections`. A request that
    got no answer is sent again once, where sending it twice does no harm.

        shoal = Shoal("https://shoal.example", key)
        segment = shoal.segment("00001")
        if segment and segment.segment_id == "s5": ...

    Every method raises ApiUnreachable where nobody answers within `timeout_s`, Busy (with `retry_after_s`) where it may
    be asked again later, and ApiError for any other refusal: `status`, `title` and `detail` say why.
    """

    def __init__(self, url: str, key: str, *, timeout_s: float = 5.0, connections: int = 10) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError(f"the address of the API begins with https:// or http://, found {url!r}")
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(
            maxsize=connections,
            block=True,
            timeout=timeout_s,
            retries=_RETRY,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
        )

    def segment(self, customer_id: str) -> Segment | None:
        """Return a customer's current segment, or None for one of whom no event has been processed."""
        try:
            return self._get(f"/v1/customers/{quote(customer_id, safe='')}/segment", Segment)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def segments(self, customer_ids: Iterable[str]) -> dict[str, Segment]:
        """Return the current segments of customers by id, a thousand in a request; who has none is left out."""
        wanted, found = list(dict.fromkeys(customer_ids)), dict[str, Segment]()
        for start in range(0, len(wanted), _AT_ONCE):
            body = msgspec.json.encode({"customer_ids": wanted[start : start + _AT_ONCE]})
            found |= self._ask("POST", "/v1/segments:lookup", _Found, body).segments
        return found

    def assign(self, experiment: str, customer_id: str) -> Assignment:
        """Return a customer's variant of an experiment. Raises ApiError: 404 where there is no such experiment.

        Publish an exposure when the customer has seen it: asking alone counts for nothing.
        """
        query = urlencode({"customer_id": customer_id})
        return self._get(f"/v1/experiments/{quote(experiment, safe='')}/assignment?{query}", Assignment)

    def experiments(self) -> list[ExperimentSummary]:
        """Return all experiments with their verdicts."""
        return self._get("/v1/experiments", _Listed).experiments

    def report(self, experiment: str) -> dict[str, Any]:
        """Return the report of an experiment, as `shoal experiment report ID --json` prints it."""
        return self._get(f"/v1/experiments/{quote(experiment, safe='')}/report", dict[str, Any])

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _get(self, path: str, kind: type[Answer]) -> Answer:
        return self._ask("GET", path, kind)

    def _ask(self, method: str, path: str, kind: type[Answer], body: bytes | None = None) -> Answer:
        headers = {**self._pool.headers, **({"Content-Type": "application/json"} if body else {})}
        try:
            answer = self._pool.request(method, self._url + path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable(f"Shoal does not answer at {self._url}: {error}") from error
        if answer.status != 200:
            raise _refusal(answer)
        try:
            return msgspec.json.decode(answer.data, type=kind)
        except msgspec.MsgspecError as error:
            raise ApiError(200, "OK", f"what {self._url}{path} answers is not what Shoal answers: {error}") from error


def _refusal(answer: urllib3.BaseHTTPResponse) -> ApiError:
    """Return the error that an answer stands for."""
    try:
        problem = msgspec.json.decode(answer.data, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    after = answer.headers.get("retry-after", "")
    kind = Busy if answer.status in _BUSY else ApiError
    detail = problem.detail or "the answer does not say why; is this the address of Shoal's API?"
    return kind(answer.status, problem.title or answer.reason or "", detail, float(after) if after.isdigit() else None)

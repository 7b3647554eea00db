"""What the API is compared with: a Starlette endpoint that does one GET of Redis, and nothing else."""

import os
from typing import Final

import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from state.store import keys

__all__ = ["PATH", "main"]

PATH: Final = "/v1/customers/{customer_id}/segment"


def main() -> None:
    """Serve on the port in SHOAL_API_PORT, from the Redis in SHOAL_REDIS, by the same server as the API."""
    client = redis.asyncio.Redis.from_url(os.environ["SHOAL_REDIS"])

    async def read(request: Request) -> Response:
        value = await client.get(keys.segment(request.path_params["customer_id"]))
        return Response(value, 404 if value is None else 200, media_type="application/json")

    uvicorn.run(
        Starlette(routes=[Route(PATH, read)]), host="127.0.0.1", port=int(os.environ["SHOAL_API_PORT"]),
        access_log=False, log_level="warning",
    )  # fmt: skip


if __name__ == "__main__":
    main()

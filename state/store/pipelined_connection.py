"""Several Redis commands in one round trip on one connection, packed by compiled code.

redis-py's pipelines cost a Python call for every command and send each command after a WATCH by itself. A micro-batch
of a partition has few commands of thousands of arguments, and all that matters is how often it waits for Redis.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import redis
from hiredis import pack_command

try:
    from state.store.resp import pack_commands
except ImportError:  # not compiled

    def pack_commands(commands: list[tuple[Any, ...]]) -> bytes:
        """Return the bytes of commands."""
        return b"".join(map(pack_command, commands))


__all__ = ["Command", "PipelinedConnection", "as_mapping", "raise_first_error"]

Command = tuple[Any, ...]


class PipelinedConnection:
    """A connection taken from a client's pool for a while, so that a WATCH may span several round trips."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._connection: Any = self._pool.get_connection()
        self._unanswered = 0

    def execute(self, commands: Iterable[Command]) -> list[Any]:
        """Send commands together and return their answers; an answer may be a redis.ResponseError.

        Raises redis.RedisError where the connection fails: then it is closed, and nobody knows what was applied.
        """
        self.send(commands)
        return self.read_replies()

    def send(self, commands: Iterable[Command]) -> None:
        """Send commands together; `answers` waits for what Redis says. Raises redis.RedisError as `send` does."""
        together = list(commands)
        packed = pack_commands(together)
        self._unanswered += len(together)
        try:
            self._connection.send_packed_command([packed])
        except BaseException:
            self._connection.disconnect()
            raise

    def read_replies(self) -> list[Any]:
        """Return the answers to all that was posted, in order. Raises redis.RedisError as `send` does."""
        count, self._unanswered = self._unanswered, 0
        try:
            return [self._answer() for _ in range(count)]
        except BaseException:
            self._connection.disconnect()
            raise

    def release(self) -> None:
        """Give the connection back; nothing may be watched any more."""
        self._pool.release(self._connection)

    def disconnect(self) -> None:
        """Close the connection, and with it a WATCH, without asking Redis."""
        self._connection.disconnect()
        self.release()

    def _answer(self) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error


def raise_first_error(answers: Iterable[Any]) -> None:
    """Raise the first reply that is an error."""
    for answer in answers:
        if isinstance(answer, redis.RedisError):
            raise answer


def as_mapping(answer: Any) -> dict[bytes, bytes]:
    """Return the answer to HGETALL as a mapping: RESP3 sends one, RESP2 a flat list."""
    if isinstance(answer, Sequence):
        return dict(zip(answer[::2], answer[1::2], strict=True))
    return dict(answer)

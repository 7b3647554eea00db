"""Starting child processes from threads that end before the child does."""

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
Jobs = SimpleQueue[tuple[Callable[[], Any], "Future[Any]"]]


def in_lasting_thread(work: Callable[[], Result]) -> Result:
    """Runs work in a thread that lives as long as the process.

    Linux calls a process's parent dead when the *thread* that started it ends, so a child started in a short-lived
    thread would be killed with that thread.

    Args:
        work: starts the child; what it returns or raises comes back to the caller.
    """
    if threading.current_thread() is threading.main_thread():
        return work()
    done: Future[Result] = Future()
    _spawner(os.getpid()).put((work, done))
    return done.result()


# Keyed by process id: a fork takes the cache along, but not the thread.
@functools.cache
def _spawner(_pid: int) -> Jobs:
    queue: Jobs = SimpleQueue()
    threading.Thread(target=_spawn_forever, args=(queue,), name="shoal-spawner", daemon=True).start()
    return queue


def _spawn_forever(queue: Jobs) -> None:
    while True:
        work, done = queue.get()
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

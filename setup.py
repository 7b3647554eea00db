"""The parts that are compiled when Shoal is installed; all else stands in pyproject.toml.

Without a C compiler Shoal is installed all the same, and does the same more slowly.
"""

from setuptools import Extension, setup

_LIBRDKAFKA = "consumers/librdkafka.pxd"

setup(
    ext_modules=[
        Extension("consumers.grouping", ["consumers/grouping.pyx"], optional=True),
        Extension("consumers.librdkafka", ["consumers/librdkafka.pyx"], depends=[_LIBRDKAFKA], optional=True),
        Extension("consumers.message_batch", ["consumers/message_batch.pyx"], depends=[_LIBRDKAFKA], optional=True),
        Extension("consumers.message_queue", ["consumers/message_queue.pyx"], depends=[_LIBRDKAFKA], optional=True),
        Extension("events.murmur2", ["events/murmur2.pyx"], optional=True),
        Extension("events.scan", ["events/scan.pyx"], depends=["events/tokens.pxd", "events/xxh3.pxd"], optional=True),
        Extension("events.splice", ["events/splice.pyx"], optional=True),
        Extension("state.resp", ["state/resp.pyx"], optional=True),
        Extension("state.words", ["state/words.pyx"], optional=True),
    ]
)

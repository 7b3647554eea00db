"""The parts that are compiled when Shoal is installed; all else stands in pyproject.toml.

Without a C compiler Shoal is installed all the same, and does the same more slowly.
"""

from setuptools import Extension, setup

_LIBRDKAFKA = "consumers/broker/librdkafka_plugin.pxd"

setup(
    ext_modules=[
        Extension("consumers.inputs.text_matching", ["consumers/inputs/text_matching.pyx"], optional=True),
        Extension(
            "consumers.broker.librdkafka_plugin",
            ["consumers/broker/librdkafka_plugin.pyx"],
            depends=[_LIBRDKAFKA],
            optional=True,
        ),
        Extension(
            "consumers.broker.produce_batch",
            ["consumers/broker/produce_batch.pyx"],
            depends=[_LIBRDKAFKA],
            optional=True,
        ),
        Extension(
            "consumers.broker.consume_queue",
            ["consumers/broker/consume_queue.pyx"],
            depends=[_LIBRDKAFKA],
            optional=True,
        ),
        Extension("events.topics.murmur2", ["events/topics/murmur2.pyx"], optional=True),
        Extension(
            "events.codec.json_scan",
            ["events/codec/json_scan.pyx"],
            depends=["events/codec/json_layout.pxd", "events/codec/json_tokens.pxd", "events/codec/xxh3.pxd"],
            optional=True,
        ),
        Extension("events.codec.text_splice", ["events/codec/text_splice.pyx"], optional=True),
        Extension("state.store.resp", ["state/store/resp.pyx"], optional=True),
        Extension("state.customers.record_words", ["state/customers/record_words.pyx"], optional=True),
    ]
)

"""Faust's watch over its streams takes the first event after a quiet while for a stream that does not run."""

from types import SimpleNamespace

import faust
from aiokafka.structs import TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from events.settings import KafkaSettings
from stream.faust_processes import build_faust_app

TEN_MINUTES_S = 600.0
PLACE = TP("segment-changes", 0)


def complaints(conf, quiet_s):
    """What Faust logs where, after a quiet while, one event has been fetched that the stream does not have yet."""
    logged, state = [], SimpleNamespace(highwater=1, position=0)
    assignment = SimpleNamespace(state_value={TopicPartition(*PLACE): state}.get)
    fetcher = SimpleNamespace(_subscriptions=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)))
    thread = SimpleNamespace(
        _verify_aiokafka_event_path=lambda now, place: False,
        _ensure_consumer=lambda: SimpleNamespace(_fetcher=fetcher),
        _log_slow_processing_stream=lambda *said: logged.append(said),
        _log_slow_processing_commit=lambda *said: logged.append(said),
        consumer=SimpleNamespace(
            app=SimpleNamespace(
                monitor=SimpleNamespace(stream_inbound_time={}),
                topics=SimpleNamespace(acks_enabled_for=lambda topic: True),
            )
        ),
        time_started=0.0,
        tp_stream_timeout_secs=conf.stream_processing_timeout,
        tp_commit_timeout_secs=conf.broker_commit_livelock_soft_timeout,
        tp_last_committed_at={},
    )
    AIOKafkaConsumerThread.verify_event_path(thread, quiet_s, PLACE)
    thread.consumer.app.monitor.stream_inbound_time[PLACE] = 0.0
    AIOKafkaConsumerThread.verify_event_path(thread, quiet_s, PLACE)
    return logged


def test_an_idle_service_is_quiet(tmp_path):
    ours = build_faust_app(KafkaSettings(), "shoal-triggers", 10.0, str(tmp_path))
    assert complaints(ours.conf, TEN_MINUTES_S) == []
    stock = faust.App("stock", broker="kafka://127.0.0.1:1", store="memory://", datadir=str(tmp_path / "stock"))
    assert len(complaints(stock.conf, TEN_MINUTES_S)) == 2, "what is silenced here"

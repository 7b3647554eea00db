"""Where librdkafka cannot be reached, that is found out and not fallen over."""

import pytest

from consumers.broker import librdkafka_access


@pytest.fixture(autouse=True)
def afresh():
    librdkafka_access.plugin_settings.cache_clear()
    yield
    librdkafka_access.plugin_settings.cache_clear()


class Library:
    """A compiled module that needs functions of other names."""

    __file__ = "there.so"
    FUNCTIONS = ("rd_kafka_that_there_never_was",)


def test_without_the_compiled_module_there_is_no_way(monkeypatch):
    monkeypatch.setattr(librdkafka_access, "librdkafka_plugin", None)
    assert librdkafka_access.plugin_settings() is None


def test_a_librdkafka_without_the_functions_is_not_reached(monkeypatch):
    monkeypatch.setattr(librdkafka_access, "librdkafka_plugin", Library)
    assert librdkafka_access.plugin_settings() is None


def test_the_plugin_is_the_compiled_module_itself():
    if librdkafka_access.librdkafka_plugin is None:
        pytest.skip("there was no C compiler when Shoal was installed")
    assert librdkafka_access.plugin_settings() == {"plugin.library.paths": librdkafka_access.librdkafka_plugin.__file__}

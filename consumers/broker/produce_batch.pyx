# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Messages handed to librdkafka many at a time, without a Python object for each but its key and value."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t

from consumers.broker.librdkafka_plugin cimport Client, Message, library, newest_client, shoal_take_failed

cdef enum:
    COPIED = 2  # RD_KAFKA_MSG_F_COPY
    BY_KEY = -1  # RD_KAFKA_PARTITION_UA
    QUEUE_FULL = -184


cdef class MessageBatches:
    """Sends by the producer that this thread made last. Raises LookupError where it was made without the plugin."""

    cdef Client *client

    def __cinit__(self):
        self.client = newest_client()

    def send(self, str topic, list keys, list values):
        """Queue messages to the partitions of their keys until there is no room; return how many were queued, and why
        the next one cannot be where it is not for want of room."""
        cdef Py_ssize_t n = len(keys), i, size
        cdef int taken = 0
        cdef bytes name = topic.encode()
        cdef void *to = library.topic_new(self.client.handle, name, NULL)
        cdef Message *messages = <Message *>PyMem_Calloc(max(1, n), sizeof(Message))
        try:
            if not messages or not to:
                raise MemoryError
            if len(values) != n:
                raise ValueError(f"{n} keys for {len(values)} values")
            for i in range(n):
                messages[i].key = <void *>PyUnicode_AsUTF8AndSize(keys[i], &size)
                messages[i].key_size = <size_t>size
                value = <bytes?>values[i]
                messages[i].payload = PyBytes_AS_STRING(value)
                messages[i].size = <size_t>PyBytes_GET_SIZE(value)
            with nogil:
                library.produce_batch(to, BY_KEY, COPIED, messages, <int>n)
                while taken < n and not messages[taken].error:
                    taken += 1
            if taken < n and messages[taken].error != QUEUE_FULL:
                return taken, library.err2str(messages[taken].error).decode()
            return taken, None
        finally:
            PyMem_Free(messages)
            if to:
                library.topic_destroy(to)

    def failed(self):
        """Return how many messages were not delivered since the last call, and why the last of them was not."""
        cdef int failed = shoal_take_failed(self.client)
        return failed, library.err2str(self.client.error).decode() if failed else ""

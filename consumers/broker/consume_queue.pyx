# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Messages of a consumer's partitions, taken from librdkafka into columns without a Python object for each."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy, memset, strlen

from consumers.broker.librdkafka_plugin cimport Message, library, newest_client

import numpy as np

cdef enum:
    END_OF_PARTITION = -191

cdef struct Columns:
    void *topic
    Py_ssize_t count
    Py_ssize_t size
    uint8_t *data
    int64_t *key_starts
    int64_t *key_lengths
    int64_t *starts
    int64_t *lengths
    int64_t *header_starts
    int64_t *header_lengths
    int32_t *partitions
    int64_t *offsets


cdef class MessageQueue:
    """A queue of the client that this thread made last; messages of partitions that are led here come here.

    Must be closed before the client is. Raises LookupError where the client was made without the plugin.
    """

    cdef void *client
    cdef void *queue
    cdef Message **held
    cdef Py_ssize_t room
    cdef readonly Py_ssize_t count

    def __cinit__(self):
        self.client = newest_client().handle
        self.queue = library.queue_new(self.client)

    def lead_here(self, str topic, int32_t partition):
        """Have the messages of a partition put into this queue."""
        cdef bytes name = topic.encode()
        cdef void *source = library.queue_get_partition(self.client, name, partition)
        if not source:
            raise LookupError(f"{topic} has no partition {partition}")
        library.queue_forward(source, self.queue)
        library.queue_destroy(source)

    def more(self, Py_ssize_t limit, int timeout_ms):
        """Wait until so many messages are held or the time is over; return how many are."""
        cdef Py_ssize_t got
        if limit <= self.count or not self.queue:
            return self.count
        if limit > self.room:
            held = <Message **>PyMem_Realloc(self.held, limit * sizeof(void *))
            if not held:
                raise MemoryError
            self.held, self.room = held, limit
        with nogil:
            got = library.consume_batch_queue(self.queue, timeout_ms, self.held + self.count, limit - self.count)
            self.count += max(got, 0)
        return self.count

    def take(self):
        """Return what is held, and hold it no longer.

        By topic: its name, a buffer, in that starts and lengths of keys, of values and of headers (packed as in
        `message_headers`), offsets, partitions. And of what is no message: topic, partition, offset, error code, text.
        """
        cdef Py_ssize_t i, topics = 0
        cdef Columns *all_columns = NULL
        cdef Columns *columns = NULL
        others = []
        all_columns = <Columns *>PyMem_Malloc(max(1, self.count) * sizeof(Columns))
        if not all_columns:
            raise MemoryError
        try:
            with nogil:
                for i in range(self.count):
                    if not self.held[i].error:
                        columns = columns_of(all_columns, &topics, columns, self.held[i].topic)
                        columns.count += 1
                        columns.size += <Py_ssize_t>(self.held[i].key_size + self.held[i].size) + 2
                        columns.size += put_headers(NULL, self.held[i])
            found = [allocated(&all_columns[i]) for i in range(topics)]
            for i in range(self.count):
                if self.held[i].error:
                    others.append(described(self.held[i]))
            with nogil:
                for i in range(self.count):
                    if not self.held[i].error:
                        columns = columns_of(all_columns, &topics, columns, self.held[i].topic)
                        put(columns, self.held[i])
        finally:
            PyMem_Free(all_columns)
        self.drop()
        return found, others

    def drop(self):
        """Hold no messages any longer."""
        cdef Py_ssize_t i
        with nogil:
            for i in range(self.count):
                library.message_destroy(self.held[i])
            self.count = 0

    def close(self):
        """Release all messages and the queue."""
        self.drop()
        if self.queue:
            with nogil:
                library.queue_destroy(self.queue)
                self.queue = NULL

    def __dealloc__(self):
        PyMem_Free(self.held)  # messages that are still held would outlive their client: they are left alone


cdef Columns *columns_of(Columns *all_columns, Py_ssize_t *topics, Columns *last, void *topic) noexcept nogil:
    """Return the columns of a topic, which mostly is that of the last message."""
    cdef Py_ssize_t i
    if last and last.topic == topic:
        return last
    for i in range(topics[0]):
        if all_columns[i].topic == topic:
            return &all_columns[i]
    last = &all_columns[topics[0]]
    topics[0] += 1
    memset(last, 0, sizeof(Columns))
    last.topic = topic
    return last


cdef tuple allocated(Columns *columns):
    """Make room for a topic's messages; its counts then count what has been put there."""
    cdef uint8_t[::1] data = np.empty(columns.size, np.uint8)
    cdef int64_t[:, ::1] places = np.empty((7, columns.count), np.int64)
    cdef int32_t[::1] partitions = np.empty(columns.count, np.int32)
    columns.data = &data[0]
    columns.key_starts, columns.key_lengths = &places[0, 0], &places[1, 0]
    columns.starts, columns.lengths = &places[2, 0], &places[3, 0]
    columns.header_starts, columns.header_lengths, columns.offsets = &places[4, 0], &places[5, 0], &places[6, 0]
    columns.partitions = &partitions[0]
    columns.count = columns.size = 0
    name = library.topic_name(columns.topic).decode()
    return name, data.base, places.base, partitions.base


cdef tuple described(Message *message):
    topic = library.topic_name(message.topic).decode() if message.topic else ""
    text = library.message_errstr(message).decode(errors="replace") if message.error != END_OF_PARTITION else ""
    return topic, message.partition, message.offset, message.error, text


cdef inline void put(Columns *columns, Message *message) noexcept nogil:
    cdef Py_ssize_t row = columns.count
    columns.count += 1
    columns.partitions[row] = message.partition
    columns.offsets[row] = message.offset
    columns.key_starts[row] = columns.size
    columns.key_lengths[row] = put_bytes(columns, message.key, message.key_size)
    columns.starts[row] = columns.size
    columns.lengths[row] = put_bytes(columns, message.payload, message.size)
    columns.header_starts[row] = columns.size
    columns.header_lengths[row] = put_headers(columns.data + columns.size, message)
    columns.size += columns.header_lengths[row]


cdef inline Py_ssize_t put_headers(uint8_t *to, Message *message) noexcept nogil:
    """Pack a message's headers there, where that is not NULL, and return how many bytes they take."""
    cdef void *headers
    cdef const char *name
    cdef const void *value
    cdef size_t size, name_size, place = 0
    cdef Py_ssize_t total = 0
    cdef int32_t length
    if library.message_headers(message, &headers):
        return 0
    while not library.header_get_all(headers, place, &name, &value, &size):
        name_size = strlen(name) + 1
        size = size if value else 0
        if to:
            length = <int32_t>size if value else -1
            memcpy(to + total, name, name_size)
            memcpy(to + total + name_size, &length, sizeof(length))
            memcpy(to + total + name_size + sizeof(length), value, size)
        total += <Py_ssize_t>(name_size + sizeof(length) + size)
        place += 1
    return total


cdef inline int64_t put_bytes(Columns *columns, const void *data, size_t size) noexcept nogil:
    """Append bytes and the zero byte after them; return their length, -1 where there are none."""
    if data:
        memcpy(columns.data + columns.size, data, size)
        columns.size += size
    columns.data[columns.size] = 0
    columns.size += 1
    return <int64_t>size if data else -1

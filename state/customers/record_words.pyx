# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops of `state.customers.record_packing` over customer records, compiled: what a record is, and what is wrong with one, stands there."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

import numpy as np


cdef class Words:
    """Packs and unpacks records.

    `columns` (kinds, words) are, by kind of record, the words of a row that it holds, of which the first `counts`
    count (0: no such kind); `marked` says which kinds have the mark in a word of its own, the last being that of a row
    stored whole; `sections` (words,) has the bit of the section that a word belongs to, 0 for none.
    """

    cdef int64_t[:, ::1] columns
    cdef int64_t[::1] counts
    cdef int64_t[::1] sections
    cdef int64_t[::1] marked
    cdef uint64_t version

    def __init__(self, columns, counts, marked, sections, int version):
        self.columns, self.counts, self.marked, self.sections = columns, counts, marked, sections
        self.version = version

    def pack(
        self,
        const uint64_t[:, ::1] rows,
        const uint64_t[::1] blank,
        const uint64_t[::1] recent,
        const int64_t[::1] starts,
    ):
        """Return the bytes of each record, as `state.customers.record_packing.pack_words` does."""
        cdef Py_ssize_t n = rows.shape[0], width = rows.shape[1], i, word
        cdef int64_t kind, count, hashes
        cdef uint64_t *into
        cdef list records = [None] * n
        for i in range(n):
            kind = 0
            for word in range(width):
                if rows[i, word] != blank[word]:
                    kind |= self.sections[word]
            if rows[i, 0] >> 48:
                kind = self.counts.shape[0] - 1
            count, hashes = self.counts[kind], starts[i + 1] - starts[i]
            record = PyBytes_FromStringAndSize(NULL, (count + self.marked[kind] + hashes) * 8)
            into = <uint64_t *>PyBytes_AS_STRING(record)
            into[0] = self.version | <uint64_t>kind << 8
            if self.marked[kind]:
                into += 1
                into[0] = rows[i, 0]
            else:
                into[0] |= rows[i, 0] << 16
            for word in range(1, count):
                into[word] = rows[i, self.columns[kind, word]]
            if hashes:
                memcpy(into + count, &recent[starts[i]], hashes * 8)
            records[i] = record
        return records

    def unpack(self, list values, uint64_t[:, ::1] rows, const int64_t[::1] positions):
        """Read records as `state.customers.record_packing.unpack_words` does; return None where one is not as it should be."""
        cdef Py_ssize_t n = len(values), i, word, total = 0
        cdef int64_t kind, count, hashes
        cdef const uint64_t *found
        lengths = np.empty(n, np.int64)
        cdef int64_t[::1] each = lengths
        for i in range(n):
            value = values[i]
            if not PyBytes_CheckExact(value) or PyBytes_GET_SIZE(value) < 8:
                return None
            found = <const uint64_t *>PyBytes_AS_STRING(value)
            kind = (found[0] >> 8) & 0xFF
            if (found[0] & 0xFF) != self.version or kind >= self.counts.shape[0] or not self.counts[kind]:
                return None
            hashes = PyBytes_GET_SIZE(value) // 8 - self.counts[kind] - self.marked[kind]
            if hashes < 0:
                return None
            each[i] = hashes
            total += hashes
        recent = np.empty(total, np.uint64)
        cdef uint64_t[::1] into = recent
        total = 0
        for i in range(n):
            value = values[i]
            found = <const uint64_t *>PyBytes_AS_STRING(value)
            kind = (found[0] >> 8) & 0xFF
            if self.marked[kind]:
                found += 1
                rows[positions[i], 0] = found[0]
            else:
                rows[positions[i], 0] = found[0] >> 16
            for word in range(1, self.counts[kind]):
                rows[positions[i], self.columns[kind, word]] = found[word]
            if each[i]:
                memcpy(&into[total], found + self.counts[kind], each[i] * 8)
                total += each[i]
        return recent, lengths

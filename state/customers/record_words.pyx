# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops of `state.customers.record_packing` over customer records, compiled: what a record is, and what is wrong with one, stands there."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

import numpy as np


DEF LISTS = 4


cdef class Words:
    """Packs and unpacks records.

    `columns` (kinds, words) are, by kind of record, the words of a row that it holds, of which the first `counts`
    count (0: no such kind); `marked` says which kinds have the mark in a word of its own, the last being that of a row
    stored whole; `sections` (words,) has the bit of the section that a word belongs to, 0 for none; `widths` (4,) are
    the words of an item of each of the customers' lists.
    """

    cdef int64_t[:, ::1] columns
    cdef int64_t[::1] counts
    cdef int64_t[::1] sections
    cdef int64_t[::1] marked
    cdef int64_t[::1] widths
    cdef uint64_t version

    def __init__(self, columns, counts, marked, sections, widths, int version):
        self.columns, self.counts, self.marked, self.sections = columns, counts, marked, sections
        self.widths, self.version = widths, version

    def pack(self, const uint64_t[:, ::1] rows, const uint64_t[::1] blank, list lists):
        """Return the bytes of each record, as `state.customers.record_packing.pack_words` does."""
        cdef Py_ssize_t n = rows.shape[0], width = rows.shape[1], i, word, each
        cdef int64_t kind, count, size, length
        cdef uint64_t *into
        cdef uint64_t numbers
        cdef const uint64_t[::1] items
        cdef const int64_t[::1] starts
        cdef const uint64_t *item_of[LISTS]
        cdef const int64_t *start_of[LISTS]
        cdef list records = [None] * n
        kept = []
        for each in range(LISTS):
            items, starts = lists[each]
            kept.append((items, starts))
            item_of[each] = &items[0] if items.shape[0] else NULL
            start_of[each] = &starts[0]
        for i in range(n):
            kind = 0
            for word in range(width):
                if rows[i, word] != blank[word]:
                    kind |= self.sections[word]
            if rows[i, 0] >> 48:
                kind = self.counts.shape[0] - 1
            count, size, numbers = self.counts[kind], 0, 0
            for each in range(LISTS):
                length = start_of[each][i + 1] - start_of[each][i]
                size += length * self.widths[each]
                numbers |= <uint64_t>length << (16 * each)
            record = PyBytes_FromStringAndSize(NULL, (count + self.marked[kind] + 1 + size) * 8)
            into = <uint64_t *>PyBytes_AS_STRING(record)
            into[0] = self.version | <uint64_t>kind << 8
            if self.marked[kind]:
                into += 1
                into[0] = rows[i, 0]
            else:
                into[0] |= rows[i, 0] << 16
            for word in range(1, count):
                into[word] = rows[i, self.columns[kind, word]]
            into[count] = numbers
            into += count + 1
            for each in range(LISTS):
                size = (start_of[each][i + 1] - start_of[each][i]) * self.widths[each]
                if size:
                    memcpy(into, item_of[each] + start_of[each][i] * self.widths[each], size * 8)
                    into += size
            records[i] = record
        return records

    def unpack(self, list values, uint64_t[:, ::1] rows, const int64_t[::1] positions):
        """Return items and lengths of each list, as `state.customers.record_packing` does; None where a record is wrong."""
        cdef Py_ssize_t n = len(values), i, word, each
        cdef int64_t kind, count, size
        cdef const uint64_t *found
        cdef int64_t totals[LISTS]
        lengths = np.empty((LISTS, n), np.int64)
        cdef int64_t[:, ::1] length = lengths
        for each in range(LISTS):
            totals[each] = 0
        for i in range(n):
            value = values[i]
            if not PyBytes_CheckExact(value) or PyBytes_GET_SIZE(value) < 8:
                return None
            found = <const uint64_t *>PyBytes_AS_STRING(value)
            kind = (found[0] >> 8) & 0xFF
            if (found[0] & 0xFF) != self.version or kind >= self.counts.shape[0] or not self.counts[kind]:
                return None
            count = self.counts[kind] + self.marked[kind]
            size = PyBytes_GET_SIZE(value) // 8 - count - 1
            if size < 0:
                return None
            for each in range(LISTS):
                length[each, i] = (found[count] >> (16 * each)) & 0xFFFF
                size -= length[each, i] * self.widths[each]
                totals[each] += length[each, i] * self.widths[each]
            if size:
                return None
        cdef uint64_t[::1] view
        cdef uint64_t *into[LISTS]
        items = []
        for each in range(LISTS):
            items.append(np.empty(totals[each], np.uint64))
            view = items[each]
            into[each] = &view[0] if totals[each] else NULL
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
            found += self.counts[kind] + 1
            for each in range(LISTS):
                size = length[each, i] * self.widths[each]
                if size:
                    memcpy(into[each], found, size * 8)
                    into[each] += size
                    found += size
        return list(zip(items, lengths))

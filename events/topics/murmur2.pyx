# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loop of `events.topics.partitioning` over customer ids, compiled."""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy

import numpy as np

cdef uint32_t SEED = 0x9747B28C
cdef uint32_t M = 0x5BD1E995


def partitions(list texts, int count):
    """Return the partition, of so many, of each text's UTF-8 bytes, as an array (n,)."""
    found = np.empty(len(texts), np.int32)
    cdef int32_t[::1] into = found
    cdef Py_ssize_t size, i
    cdef const char *text
    for i in range(len(texts)):
        text = PyUnicode_AsUTF8AndSize(texts[i], &size)
        into[i] = (murmur2(<const uint8_t *>text, size) & 0x7FFFFFFF) % <uint32_t>count
    return found


cdef uint32_t murmur2(const uint8_t *octets, Py_ssize_t length) noexcept nogil:
    """Austin Appleby's MurmurHash2 with Kafka's seed; words are little-endian, as on all machines that we run on."""
    cdef uint32_t hashed = SEED ^ <uint32_t>length, word
    while length >= 4:
        memcpy(&word, octets, 4)
        word *= M
        word ^= word >> 24
        hashed = (hashed * M) ^ (word * M)
        octets += 4
        length -= 4
    if length:
        if length == 3:
            hashed ^= <uint32_t>octets[2] << 16
        if length >= 2:
            hashed ^= <uint32_t>octets[1] << 8
        hashed = (hashed ^ octets[0]) * M
    hashed ^= hashed >> 13
    hashed *= M
    return hashed ^ (hashed >> 15)

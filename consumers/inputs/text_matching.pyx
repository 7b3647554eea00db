# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which texts of many are the same, and which begin and end in a given way, compiled.

A hash table of places instead of a dict of Python numbers; two characters of each text instead of a copy of it.
"""

from cpython.object cimport PyObject_Hash
from cpython.unicode cimport PyUnicode_Compare, PyUnicode_GET_LENGTH, PyUnicode_READ_CHAR
from libc.stdint cimport int32_t, int64_t, uint32_t

import numpy as np


def grouped(list texts):
    """Return the distinct texts in the order of their first, and which of them each text is, as an array (n,)."""
    cdef Py_ssize_t n = len(texts), i, size = 8
    while size < 2 * n:
        size *= 2
    codes = np.empty(n, np.int64)
    cdef int64_t[::1] code = codes
    cdef int64_t[::1] hashes = np.empty(n, np.int64)
    cdef int32_t[::1] table = np.full(size, -1, np.int32)
    cdef int64_t hashed
    cdef Py_ssize_t at
    cdef int32_t known
    cdef list distinct = []
    for i in range(n):
        text = texts[i]
        hashed = PyObject_Hash(text)
        at = hashed & (size - 1)
        while True:
            known = table[at]
            if known < 0:
                known = <int32_t>len(distinct)
                table[at], hashes[known] = known, hashed
                distinct.append(text)
                break
            if hashes[known] == hashed and not PyUnicode_Compare(distinct[known], text):
                break
            at = (at + 1) & (size - 1)
        code[i] = known
    return distinct, codes


def with_ends(list texts, const unsigned char[::1] pairs):
    """Return the places of the texts whose first and last characters are a pair with a flag, as a list.

    `pairs` (65,536,) holds a flag for every two characters below 256; a text that is empty or has others counts too.
    """
    cdef Py_ssize_t i, length
    cdef uint32_t first, last
    cdef list places = []
    for i in range(len(texts)):
        text = texts[i]
        length = PyUnicode_GET_LENGTH(text)
        if length:
            first = <uint32_t>PyUnicode_READ_CHAR(text, 0)
            last = <uint32_t>PyUnicode_READ_CHAR(text, length - 1)
            if first < 256 and last < 256 and not pairs[first << 8 | last]:
                continue
        places.append(i)
    return places

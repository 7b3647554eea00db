# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which texts of many are the same, compiled: a hash table of places instead of a dict of Python numbers."""

from cpython.object cimport PyObject_Hash
from cpython.unicode cimport PyUnicode_Compare
from libc.stdint cimport int32_t, int64_t

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

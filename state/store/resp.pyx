# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Packs commands for Redis, many at a time, into the bytes of its protocol (RESP).

hiredis packs the same bytes, but grows its buffer argument by argument; here all is measured first, then copied once.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.string cimport memcpy

cdef struct Piece:
    const char *data
    Py_ssize_t size


def pack_commands(list commands):
    """Return the bytes of commands, tuples of bytes, text, integers and floats. Raises TypeError for anything else."""
    cdef Py_ssize_t total = 0, pieces = 0, i, place = 0
    cdef Piece *all_pieces
    cdef char *at
    cdef tuple command
    cdef list kept = []  # the texts of numbers, which nobody else holds
    for command in commands:
        pieces += len(command)
    all_pieces = <Piece *>PyMem_Malloc(max(1, pieces) * sizeof(Piece))
    if not all_pieces:
        raise MemoryError
    try:
        for command in commands:
            total += 1 + digits_of(len(command)) + 2
            for i in range(len(command)):
                measure(command[i], &all_pieces[place], kept)
                total += 1 + digits_of(all_pieces[place].size) + 2 + all_pieces[place].size + 2
                place += 1
        packed = PyBytes_FromStringAndSize(NULL, total)
        at = PyBytes_AS_STRING(packed)
        place = 0
        for command in commands:
            at = write_size(at, b"*", len(command))
            for i in range(len(command)):
                at = write_size(at, b"$", all_pieces[place].size)
                memcpy(at, all_pieces[place].data, all_pieces[place].size)
                at += all_pieces[place].size
                memcpy(at, b"\r\n", 2)
                at += 2
                place += 1
    finally:
        PyMem_Free(all_pieces)
    return packed


cdef int measure(object argument, Piece *piece, list kept) except -1:
    """Say where an argument's bytes are; those of text are kept by the text itself."""
    if PyBytes_CheckExact(argument):
        piece.data, piece.size = PyBytes_AS_STRING(argument), PyBytes_GET_SIZE(argument)
        return 0
    if isinstance(argument, (int, float)) and not isinstance(argument, bool):
        argument = repr(argument)
        kept.append(argument)
    elif not isinstance(argument, str):
        raise TypeError(f"Redis takes bytes, text and numbers, not {argument!r:.80}")
    piece.data = PyUnicode_AsUTF8AndSize(argument, &piece.size)
    return 0


cdef inline int digits_of(Py_ssize_t number) noexcept:
    cdef int digits = 1
    while number >= 10:
        number //= 10
        digits += 1
    return digits


cdef inline char *write_size(char *at, char mark, Py_ssize_t size) noexcept:
    cdef int digits = digits_of(size), i
    at[0] = mark
    for i in range(digits, 0, -1):
        at[i] = <char>(48 + size % 10)  # 48 is "0"
        size //= 10
    memcpy(at + digits + 1, b"\r\n", 2)
    return at + digits + 3

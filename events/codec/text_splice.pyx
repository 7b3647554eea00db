# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rows of text put together from columns; `events.codec.text_rows` says what the parts are, and does it without a compiler."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef enum Kind:
    CONSTANT
    TEXTS
    NUMBERS
    CHOSEN

cdef struct Piece:
    const char *data
    Py_ssize_t size


cdef class Table:
    """Texts of which a part chooses one for each row."""

    cdef readonly list texts
    cdef Piece *pieces

    def __cinit__(self, list texts):
        self.texts = texts
        self.pieces = <Piece *>PyMem_Malloc(max(1, len(texts)) * sizeof(Piece))
        if not self.pieces:
            raise MemoryError
        for i, text in enumerate(texts):
            self.pieces[i].data, self.pieces[i].size = PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)

    def __dealloc__(self):
        PyMem_Free(self.pieces)


cdef struct Part:
    Kind kind
    Piece constant
    const int64_t *numbers  # of NUMBERS, or which texts are CHOSEN
    Piece *pieces
    Py_ssize_t count


def spliced(Py_ssize_t n, list parts):
    """Return n rows of bytes."""
    cdef Part *all_parts = <Part *>PyMem_Malloc(max(1, len(parts)) * sizeof(Part))
    cdef Piece *row = <Piece *>PyMem_Malloc(max(1, len(parts)) * sizeof(Piece))
    cdef char[24] *digits = <char[24] *>PyMem_Malloc(max(1, len(parts)) * sizeof(char[24]))
    cdef Py_ssize_t i, place, size
    cdef char *at
    cdef list rows = [None] * n
    try:
        if not all_parts or not row or not digits:
            raise MemoryError
        for place in range(len(parts)):
            describe(&all_parts[place], parts[place], n)
        for i in range(n):
            size = 0
            for place in range(len(parts)):
                if all_parts[place].kind == TEXTS:
                    text = (<list>parts[place])[i]
                    row[place].data = PyUnicode_AsUTF8AndSize(text, &row[place].size)
                else:
                    row[place] = piece_of(&all_parts[place], i, &digits[place][0])
                size += row[place].size
            spliced_row = PyBytes_FromStringAndSize(NULL, size)
            at = PyBytes_AS_STRING(spliced_row)
            for place in range(len(parts)):
                memcpy(at, row[place].data, row[place].size)
                at += row[place].size
            rows[i] = spliced_row
    finally:
        PyMem_Free(all_parts)
        PyMem_Free(row)
        PyMem_Free(digits)
    return rows


cdef int describe(Part *part, object given, Py_ssize_t n) except -1:
    cdef const int64_t[::1] numbers
    cdef Py_ssize_t i
    if isinstance(given, bytes):
        part.kind = CONSTANT
        part.constant.data, part.constant.size = PyBytes_AS_STRING(given), PyBytes_GET_SIZE(given)
        return 0
    if isinstance(given, list):
        part.kind = TEXTS
        if len(<list>given) != n:
            raise ValueError(f"a part has {len(given)} texts for {n} rows")
        return 0
    part.kind = NUMBERS
    if isinstance(given, tuple):
        part.kind = CHOSEN
        given, table = given
        part.pieces, part.count = (<Table?>table).pieces, len((<Table>table).texts)
    numbers = given
    if numbers.shape[0] != n:
        raise ValueError(f"a part has {numbers.shape[0]} numbers for {n} rows")
    part.numbers = &numbers[0] if n else NULL
    for i in range(n):
        if part.kind == CHOSEN and not -part.count <= numbers[i] < part.count:
            raise IndexError(f"text {numbers[i]} of a table of {part.count}")
        if part.kind == NUMBERS and numbers[i] < 0:
            raise ValueError(f"a number is negative: {numbers[i]}")
    return 0


cdef inline Piece piece_of(Part *part, Py_ssize_t i, char *digits) noexcept:
    cdef int64_t number
    cdef Piece piece
    if part.kind == CONSTANT:
        return part.constant
    number = part.numbers[i]
    if part.kind == CHOSEN:
        return part.pieces[number if number >= 0 else part.count + number]
    piece.data = digits + 24
    piece.size = 0
    while piece.size == 0 or number:
        piece.data -= 1
        piece.size += 1
        (<char *>piece.data)[0] = <char>(48 + number % 10)  # 48 is "0"
        number //= 10
    return piece

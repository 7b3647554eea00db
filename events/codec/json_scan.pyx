# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Reads JSON objects of one layout straight into columns, with no Python object for a value and without Python's lock.

It is quick because it is not complete: it accepts an object only where it is certain that every field is as the model
wants it, and leaves all others (escapes in text, exponents, unusual instants, anything wrong) to `events.codec.struct_decoder`, whose
verdict counts. So what it may get wrong is only to accept too much; `tests/events/codec/test_column_decoder.py` holds it against that.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from events.codec.json_layout cimport (
    AMOUNT, CHOICE, CODE, INSTANT, INTEGER, LIST, MAX_FIELDS, NUMBER, OBJECT, TEXT, UNKNOWN, UNSURE, Name, Node,
)
from events.codec.json_tokens cimport Row, code_of, scan_decimal, scan_instant, scan_text, skip_space, skip_value, take, take_word
from events.codec.xxh3 cimport HASHABLE, xxh3

import numpy as np

from events.codec.scan_plan import ABSENT


cdef int64_t NOTHING = ABSENT
cdef double[16] POWERS
for _power in range(16):
    POWERS[_power] = 10.0**_power


cdef class Scanner:
    """Reads values of one layout; made by `events.codec.scan_plan`, which says what the tuples hold."""

    cdef Node *nodes
    cdef Name *names
    cdef int root
    cdef object kept  # what the pointers of `names` point into
    cdef readonly tuple columns

    def __cinit__(self, nodes, names, int root, tuple columns):
        self.nodes = <Node *>PyMem_Malloc(len(nodes) * sizeof(Node))
        self.names = <Name *>PyMem_Malloc(max(1, len(names)) * sizeof(Name))
        if not self.nodes or not self.names:
            raise MemoryError
        self.kept = [name for name, _, _ in names]
        for i, (name, node, required) in enumerate(names):
            self.names[i] = Name(<const char *><bytes>name, len(name), node, required)
        for i, (kind, nullable, column, low, high, first, count) in enumerate(nodes):
            if kind == OBJECT and count > MAX_FIELDS:
                raise ValueError(f"an object of {count} fields, more than the {MAX_FIELDS} that can be scanned")
            self.nodes[i] = Node(kind, nullable, column, low, high, first, count)
        self.root = root
        self.columns = columns

    def __dealloc__(self):
        PyMem_Free(self.nodes)
        PyMem_Free(self.names)

    def scan(self, values, Py_ssize_t max_bytes):
        """Return the columns of n values, a BinaryColumn: a Scan. Values that are None or too long are not accepted."""
        cdef Py_ssize_t n = len(values), i
        scan = Scan(values, self.columns, n)
        cdef const uint8_t[::1] data = values.data
        cdef const int64_t[::1] starts = values.starts
        cdef const int64_t[::1] sizes = values.lengths
        cdef uint8_t[::1] accepted = scan.accepted.view(np.uint8)
        cdef int64_t[:, ::1] rows = scan.rows
        cdef int64_t[:, ::1] lengths = scan.lengths
        cdef Row *all_rows
        if not n:
            return scan
        all_rows = <Row *>PyMem_Malloc(n * sizeof(Row))
        if not all_rows:
            raise MemoryError
        try:
            with nogil:
                for i in range(n):
                    if 0 <= sizes[i] <= max_bytes:
                        all_rows[i].start = all_rows[i].at = <const char *>&data[starts[i]]
                        all_rows[i].end = all_rows[i].start + sizes[i]
                        all_rows[i].wide = False
                        all_rows[i].values = &rows[i, 0]
                        all_rows[i].lengths = &lengths[i, 0]
                        accepted[i] = self._whole(&all_rows[i])
            for i in range(n):
                if accepted[i] and all_rows[i].wide:
                    accepted[i] = is_utf8(all_rows[i].start, sizes[i])
        finally:
            PyMem_Free(all_rows)
        return scan

    cdef bint _whole(self, Row *row) noexcept nogil:
        skip_space(row)
        if not self._object(row, &self.nodes[self.root]):
            return False
        skip_space(row)
        return row.at == row.end

    cdef bint _object(self, Row *row, Node *node) noexcept nogil:
        cdef uint64_t seen = 0, bit
        cdef int field, following = 0
        if not take(row, b"{"):
            return False
        if row.at[0] != b"}":
            while True:
                field = self._field(row, node, following)
                if field == UNSURE or not take(row, b":"):
                    return False
                if field == UNKNOWN:
                    if not skip_value(row, 0):
                        return False
                else:
                    following = field + 1
                    bit = <uint64_t>1 << field
                    if seen & bit or not self._value(row, &self.nodes[self.names[node.first + field].node]):
                        return False
                    seen |= bit
                if not take(row, b","):
                    break
        if row.at[0] != b"}":
            return False
        row.at += 1
        for field in range(node.count):
            if not seen >> field & 1:
                if self.names[node.first + field].required:
                    return False
                self._absent(row, &self.nodes[self.names[node.first + field].node])
        return True

    cdef int _field(self, Row *row, Node *node, int following) noexcept nogil:
        """Read a field's name; mostly it is the one after the last one, `following`."""
        cdef const char *start = NULL
        cdef Py_ssize_t length = 0
        cdef int64_t characters = 0
        cdef Name *name
        if following < node.count and row.at[0] == b'"':
            name = &self.names[node.first + following]
            if row.end - row.at > name.length + 1 and row.at[name.length + 1] == b'"':
                if memcmp(row.at + 1, name.text, name.length) == 0:
                    row.at += name.length + 2
                    return following
        if not scan_text(row, &start, &length, &characters):
            return UNSURE
        return self._named(node, start, length)

    cdef bint _absent(self, Row *row, Node *node) noexcept nogil:
        if node.column >= 0:
            row.values[node.column] = NOTHING
        return True

    cdef bint _value(self, Row *row, Node *node) noexcept nogil:
        cdef const char *start = NULL
        cdef Py_ssize_t length = 0
        cdef int64_t size = 0
        if node.nullable and row.at[0] == b"n":
            return take_word(row, b"null") and self._absent(row, node)
        if node.kind == OBJECT:
            return self._object(row, node)
        if node.kind == LIST:
            return self._list(row, node)
        if node.kind == TEXT or node.kind == CHOICE or node.kind == CODE:
            if not scan_text(row, &start, &length, &size):
                return False
            if node.kind == TEXT:
                if not node.low <= size <= node.high:
                    return False
                if node.column >= 0:
                    row.lengths[node.column] = length
                    row.values[node.column] = start - row.start
                return True
            size = self._named(node, start, length) if node.kind == CHOICE else code_of(start, length)
        elif not self._number(row, node, &size):
            return False
        if node.column >= 0:
            row.values[node.column] = size
        return size >= 0

    cdef bint _number(self, Row *row, Node *node, int64_t *size) noexcept nogil:
        """Read what is measured: an integer, an instant in ms, an amount in thousandths, the bits of a double."""
        cdef int places = 0
        cdef double number
        cdef bint text
        if node.kind == INSTANT:
            return scan_instant(row, size) and size[0] >= 0
        if node.kind == AMOUNT:
            text = row.at[0] == b'"'
            row.at += text
            if not scan_decimal(row, 12, 3, text, size, &places):
                return False
            if text:
                if row.at[0] != b'"':
                    return False
                row.at += 1
            size[0] *= <int64_t>POWERS[3 - places]
            return True
        if node.kind == INTEGER:
            return scan_decimal(row, 15, 0, False, size, &places) and node.low <= size[0] <= node.high
        # Whole numbers below 2**53, divided by a power of ten that a double holds, round as the text itself would.
        if not scan_decimal(row, 9, 6, False, size, &places):
            return False
        number = size[0] / POWERS[places]
        memcpy(size, &number, sizeof(double))
        return node.low <= number <= node.high

    cdef bint _list(self, Row *row, Node *node) noexcept nogil:
        if not take(row, b"["):
            return False
        if row.at[0] != b"]":
            while True:
                if not self._value(row, &self.nodes[node.first]):
                    return False
                if not take(row, b","):
                    break
        if row.at[0] != b"]":
            return False
        row.at += 1
        return True

    cdef int _named(self, Node *node, const char *start, Py_ssize_t length) noexcept nogil:
        """Return which of an object's fields or of a choice's texts this is, UNKNOWN if none."""
        cdef Name *name
        cdef int i
        for i in range(node.count):
            name = &self.names[node.first + i]
            if name.length == length and memcmp(start, name.text, length) == 0:
                return i
        return UNKNOWN


cdef bint is_utf8(const char *value, Py_ssize_t size):
    try:
        PyUnicode_DecodeUTF8(value, size, NULL)
    except UnicodeDecodeError:
        return False
    return True


class Scan:
    """What was read of n values: which were accepted (n,), and of those the columns.

    A column of integers has ABSENT where there is none; of a number it has the bits of the double.
    """

    def __init__(self, values, columns, n):
        self.accepted = np.zeros(n, np.bool_)
        self.rows = np.empty((n, len(columns)), np.int64)
        self.lengths = np.empty((n, len(columns)), np.int64)
        self._values = values
        self._columns = columns

    def integers(self, name):
        """Return a column (a,) of the accepted values: integers, ms, thousandths, places of choices, codes."""
        return self.rows[self.accepted, self._columns.index(name)]

    def numbers(self, name):
        """Return a column (a,) of doubles, NaN where there is none."""
        bits = self.integers(name)
        return np.where(bits == ABSENT, np.nan, bits.view(np.float64))

    def hashes(self, name, uint64_t seed):
        """Return the 64-bit XXH3 hashes (a,) of a column of texts, 0 where there is none; None where one is too long."""
        cdef Py_ssize_t column = self._columns.index(name), i, place = 0
        cdef uint8_t[::1] accepted = self.accepted.view(np.uint8)
        cdef int64_t[:, ::1] starts = self.rows
        cdef int64_t[:, ::1] lengths = self.lengths
        cdef const uint8_t[::1] data = self._values.data
        cdef const int64_t[::1] begins = self._values.starts
        hashes = np.empty(int(self.accepted.sum()), np.uint64)
        cdef uint64_t[::1] into = hashes
        for i in range(accepted.shape[0]):
            if accepted[i]:
                if starts[i, column] == NOTHING:
                    into[place] = 0
                    place += 1
                    continue
                if lengths[i, column] > HASHABLE:
                    return None
                into[place] = xxh3(<const char *>&data[begins[i] + starts[i, column]], lengths[i, column], seed)
                place += 1
        return hashes

    def texts(self, name):
        """Return a column (a,) of texts, None where there is none."""
        cdef Py_ssize_t column = self._columns.index(name), i, place = 0
        cdef uint8_t[::1] accepted = self.accepted.view(np.uint8)
        cdef int64_t[:, ::1] starts = self.rows
        cdef int64_t[:, ::1] lengths = self.lengths
        cdef const uint8_t[::1] data = self._values.data
        cdef const int64_t[::1] begins = self._values.starts
        texts = np.empty(int(self.accepted.sum()), object)
        cdef object[::1] into = texts
        for i in range(accepted.shape[0]):
            if accepted[i]:
                if starts[i, column] != NOTHING:
                    into[place] = PyUnicode_DecodeUTF8(
                        <const char *>&data[begins[i] + starts[i, column]], lengths[i, column], NULL
                    )
                place += 1
        return texts

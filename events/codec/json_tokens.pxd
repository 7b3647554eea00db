# cython: language_level=3, cdivision=True
"""The tokens of JSON, read in place: each function steps over one and returns whether it is certain what that is.

Every row ends with a NUL, which is no part of any token, so nothing reads on behind it.
"""

from libc.math cimport rint
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, strlen

cdef enum:
    MAX_DEPTH = 32

cdef struct Row:
    const char *start
    const char *at
    const char *end
    bint wide  # holds something else than ASCII
    int64_t *values  # one of each column
    int64_t *lengths


cdef inline void skip_space(Row *row) noexcept nogil:
    while row.at[0] == b" " or row.at[0] == b"\n" or row.at[0] == b"\r" or row.at[0] == b"\t":
        row.at += 1


cdef inline bint take(Row *row, char expected) noexcept nogil:
    """Step over this character and the space around it."""
    skip_space(row)
    if row.at[0] != expected:
        return False
    row.at += 1
    skip_space(row)
    return True


cdef inline bint is_digit(char character) noexcept nogil:
    return b"0" <= character <= b"9"


cdef inline bint take_word(Row *row, const char *word) noexcept nogil:
    cdef Py_ssize_t length = <Py_ssize_t>strlen(word)
    if row.end - row.at < length or memcmp(row.at, word, length) != 0:
        return False
    row.at += length
    return True


cdef inline bint scan_text(Row *row, const char **start, Py_ssize_t *length, int64_t *characters) noexcept nogil:
    """Read text without escapes. Every value ends with a NUL, a control character, where reading stops at the latest."""
    cdef const char *at = row.at
    cdef int64_t continued = 0
    cdef uint8_t octet
    if at[0] != b'"':
        return False
    at += 1
    start[0] = at
    while True:
        octet = <uint8_t>at[0]
        if octet == b'"':
            break
        if octet < 0x20 or octet == b"\\":
            return False
        if octet >= 0x80:
            row.wide = True
            continued += (octet & 0xC0) == 0x80
        at += 1
    length[0] = at - start[0]
    characters[0] = length[0] - continued
    row.at = at + 1
    return True


cdef inline bint scan_digits(const char **at, int most, int64_t *value, int *digits) noexcept nogil:
    """Read from 1 to `most` digits onto the value."""
    cdef int count = 0
    while is_digit(at[0][0]):
        if count == most:
            return False
        # Unsigned, since a number that nobody keeps may be too long for 64 bits.
        value[0] = <int64_t>(<uint64_t>value[0] * 10 + <uint64_t>(at[0][0] - <char>b"0"))
        count += 1
        at[0] += 1
    digits[0] = count
    return count > 0


cdef inline bint scan_decimal(Row *row, int most_whole, int most_places, bint text, int64_t *mantissa, int *places) noexcept nogil:
    """Read a number as `mantissa` / 10**`places`; only in text may it begin with more than one zero."""
    cdef const char *at = row.at
    cdef int whole = 0
    mantissa[0] = places[0] = 0
    if not scan_digits(&at, most_whole, mantissa, &whole):
        return False
    if whole > 1 and row.at[0] == b"0" and not text:
        return False
    if at[0] == b".":
        at += 1
        if not scan_digits(&at, most_places, mantissa, places):
            return False
    if at[0] == b"e" or at[0] == b"E":
        return False
    row.at = at
    return True


cdef inline bint scan_instant(Row *row, int64_t *milliseconds) noexcept nogil:
    """Read `2026-01-31T12:00:00` with no, three or six digits of a fraction, in UTC."""
    cdef const char *start = NULL
    cdef const char *at
    cdef Py_ssize_t length = 0
    cdef int64_t characters = 0, fraction = 0, days
    cdef int64_t[6] parts
    cdef int part, digits = 0
    if not scan_text(row, &start, &length, &characters) or length < 20:
        return False
    at = start
    for part in range(6):
        parts[part] = 0
        if not scan_digits(&at, 4 if part == 0 else 2, &parts[part], &digits) or digits != (4 if part == 0 else 2):
            return False
        if part < 5:
            if at[0] != b"--T::"[part]:
                return False
            at += 1
    if at[0] == b".":
        at += 1
        if not scan_digits(&at, 6, &fraction, &digits) or (digits != 3 and digits != 6):
            return False
    else:
        digits = 0
    if not (at[0] == b"Z" and at + 1 == start + length):
        if not (start + length - at == 6 and memcmp(at, b"+00:00", 6) == 0):
            return False
    if not days_of(parts[0], parts[1], parts[2], &days) or parts[3] > 23 or parts[4] > 59 or parts[5] > 59:
        return False
    milliseconds[0] = (days * 86400 + parts[3] * 3600 + parts[4] * 60 + parts[5]) * 1000
    milliseconds[0] += <int64_t>rint(fraction / 1000.0) if digits == 6 else fraction
    return True


cdef inline bint days_of(int64_t year, int64_t month, int64_t day, int64_t *days) noexcept nogil:
    """Count the days since 1970, by Howard Hinnant's `days_from_civil` (chrono-compatible low-level date algorithms)."""
    cdef int64_t era, of_era, of_year
    cdef int64_t length = 30 + ((month + (month > 7)) & 1)
    if month == 2:
        length = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if year < 1 or month < 1 or month > 12 or day < 1 or day > length:
        return False
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days[0] = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return True


cdef inline bint skip_value(Row *row, int depth) noexcept nogil:
    """Step over a value of a field that the model does not have."""
    cdef const char *start = NULL
    cdef Py_ssize_t length = 0
    cdef int64_t ignored = 0
    cdef int places = 0
    cdef char closing
    if depth == MAX_DEPTH:
        return False
    if row.at[0] == b'"':
        return scan_text(row, &start, &length, &ignored)
    if row.at[0] == b"{" or row.at[0] == b"[":
        closing = b"}" if row.at[0] == b"{" else b"]"
        row.at += 1
        skip_space(row)
        if row.at[0] == closing:
            row.at += 1
            return True
        while True:
            if closing == b"}" and not (scan_text(row, &start, &length, &ignored) and take(row, b":")):
                return False
            if not skip_value(row, depth + 1):
                return False
            if not take(row, b","):
                break
        if row.at[0] != closing:
            return False
        row.at += 1
        return True
    if row.at[0] == b"t":
        return take_word(row, b"true")
    if row.at[0] == b"f":
        return take_word(row, b"false")
    if row.at[0] == b"n":
        return take_word(row, b"null")
    if row.at[0] == b"-":
        row.at += 1
    return scan_decimal(row, 18, 18, False, &ignored, &places)


cdef inline int64_t code_of(const char *start, Py_ssize_t length) noexcept nogil:
    """Return three capital letters as a number in base 256."""
    cdef int i
    cdef int64_t code = 0
    if length != 3:
        return -1
    for i in range(3):
        if not b"A" <= start[i] <= b"Z":
            return -1
        code = code * 256 + start[i]
    return code

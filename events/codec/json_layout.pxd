# cython: language_level=3
"""The layout of a JSON object, as `events.codec.json_scan` reads it: nodes by kind, and the names of fields."""

cdef enum:
    MAX_FIELDS = 64  # of an object: `seen` has a bit for each
    UNKNOWN = -1
    UNSURE = -2

# The kinds of `events.codec.scan_plan.Kind`, in its order.
cdef enum Kind:
    TEXT
    CHOICE
    CODE
    INTEGER
    NUMBER
    AMOUNT
    INSTANT
    OBJECT
    LIST

cdef struct Node:
    Kind kind
    bint nullable
    int column  # UNKNOWN where it is not kept
    double low  # characters of text, size of numbers
    double high
    int first  # of an object its fields, of a choice its names; of a list, `first` is the node of its items
    int count

cdef struct Name:
    const char *text
    Py_ssize_t length
    int node
    bint required

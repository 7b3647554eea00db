"""Figures have three significant digits, and their text is the number that the encoder would write."""

import math

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from events.codec.rounded_numbers import number_codes, number_table, number_values
from tests.building import examples


def figure_texts(codes):
    return [number_table().texts[code] for code in codes]


numbers = st.floats(0.01, 9.9e11) | st.sampled_from([0.01, 9.996, 99.96, 999.6, 1e5, 99_999.0])


@given(st.lists(numbers, min_size=1, max_size=20), st.sampled_from([1.0, -1.0]))
@examples(200)
def test_three_significant_digits(values, sign):
    codes = number_codes(sign * np.array(values))
    for text, value in zip(figure_texts(codes), values, strict=True):
        assert math.isclose(sign * float(text), value, rel_tol=0.00501)
        assert float(f"{float(text):.3g}") == float(text)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20))
@examples(200)
def test_text_and_value_agree_whatever_the_number(values):
    codes = number_codes(np.array(values))
    for text, value in zip(figure_texts(codes), number_values(codes.tolist()), strict=True):
        assert len(text) <= 8
        assert msgspec.json.decode(text) == value


def test_the_ends():
    values = [0.0, -0.0, 0.004567, -0.004567, 1e-9, 1e12, -math.inf, math.inf, math.nan]
    texts = ["0", "0", "0.00457", "-0.00457", "0", "9.99e11", "-9.99e11", "9.99e11", "null"]
    assert [text.decode() for text in figure_texts(number_codes(np.array(values)))] == texts

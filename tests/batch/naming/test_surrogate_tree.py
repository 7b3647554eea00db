"""The surrogate tree: rules that say the truth where the truth is a rule, and honest figures where it is not."""

import numpy as np
import pytest

from batch.naming.surrogate_tree import fit_surrogate

SAME = [lambda values: values, lambda values: values]


def squares(n=2_000, seed=0):
    """Customers in a square, in four segments by its quarters."""
    matrix = np.random.default_rng(seed).uniform(0, 100, (n, 2))
    return matrix, 2 * (matrix[:, 0] > 50) + (matrix[:, 1] > 30)


def rules(matrix, labels, k=4, to_unit=SAME):
    return fit_surrogate(matrix, labels, k, ["income a year", "spending score"], to_unit, seed=1)


def test_segments_by_rule_get_their_rule():
    found = rules(*squares())
    assert found.fidelity > 0.98
    last = found.rules[3]
    assert last.text.startswith("income a year above 50")
    assert "spending score above 3" in last.text
    assert (last.coverage, last.precision) == (pytest.approx(1.0, abs=0.02), pytest.approx(1.0, abs=0.02))


def test_thresholds_are_in_the_units_that_people_read():
    matrix, labels = squares()
    found = rules(np.log1p(matrix), labels, to_unit=[np.expm1, np.expm1])
    assert found.rules[3].text.startswith("income a year above 50")


def test_segments_that_are_noise_have_no_fidelity():
    matrix, labels = squares()
    found = rules(matrix, np.random.default_rng(2).permutation(labels))
    assert found.fidelity < 0.45


def test_missing_values_and_customers_without_segment_do_no_harm():
    matrix, labels = squares()
    matrix[::10, 0] = np.nan
    labels[::7] = -1
    found = rules(matrix, labels)
    assert len(found.rules) == 4
    assert found.fidelity > 0.8


def test_a_segment_without_members_has_no_rule():
    matrix, labels = squares(50)
    assert rules(matrix, labels, k=5).rules[4].coverage == 0.0

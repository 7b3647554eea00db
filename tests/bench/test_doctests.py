"""The examples in the docstrings; pytest does not look for them there, since the peers' programs lie there too."""

import doctest

import pytest

from bench import end_state, figures, job, machine, report


@pytest.mark.parametrize("module", [end_state, figures, job, machine, report], ids=lambda module: module.__name__)
def test_the_examples_hold(module):
    failed, tried = doctest.testmod(module)
    assert tried
    assert failed == 0

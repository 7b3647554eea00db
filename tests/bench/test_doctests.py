"""The examples in the docstrings; pytest does not look for them there, since the peers' programs lie there too."""

import doctest

import pytest

from bench.job import end_state, fixed_job
from bench.reporting import machine, result_tables, run_statistics


@pytest.mark.parametrize(
    "module", [end_state, run_statistics, fixed_job, machine, result_tables], ids=lambda each: each.__name__
)
def test_the_examples_hold(module):
    failed, tried = doctest.testmod(module)
    assert tried
    assert failed == 0

"""A re-baseline lets workers go first."""

import os
import subprocess
import sys

import pytest

PROGRAM = (
    "import os; from batch.promotion.process_priority import lower_priority; "
    "os.nice({before}); lower_priority({asked}); print(os.nice(0))"
)


@pytest.mark.parametrize(("before", "asked"), [(0, 10), (4, 10), (12, 10), (0, 0)])
def test_a_process_becomes_as_nice_as_asked_and_never_less(before, asked):
    program = PROGRAM.format(before=before, asked=asked)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert int(ran.stdout) == max(asked, min(19, os.nice(0) + before))

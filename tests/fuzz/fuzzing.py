"""How long the fuzzers run: SHOAL_FUZZ_EXAMPLES examples each, a few without it (`make fuzz`)."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("SHOAL_FUZZ_EXAMPLES", "60"))


def fuzzed(share: float = 1.0):
    """Hypothesis settings of a fuzzer; `share` is less than 1 for one whose examples take long."""
    return settings(
        max_examples=max(10, round(EXAMPLES * share)), deadline=None, suppress_health_check=list(HealthCheck)
    )

"""Single statistics: samples, tests, intervals and corrections, each a pure function of numbers.

Of experiments only the definition and the tally enter (`metric_samples`).
Begin reading at `value_or_reason` and `sample`.
"""

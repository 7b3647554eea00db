"""Single statistics: samples, tests, intervals and corrections, each a pure function of numbers.

Numbers enter; of experiments only the definition and the tally (`metric_samples`). Begin reading at `value_or_reason`.
"""

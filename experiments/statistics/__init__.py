"""Single statistics: samples, tests, intervals and corrections, each a pure function of numbers.

Of experiments only the definition and the tally enter (`metric_samples`). Begin reading at `result` and `sample`.
"""

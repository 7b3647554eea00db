"""The segments as a whole: sizes, profiles, countries, names, and two baselines compared.

Begin reading at `segment_survey`.
"""

"""The segments as a whole: sizes, profiles, countries, names, and two baselines compared.

Baselines and all records enter. Begin reading at `segment_survey`.
"""

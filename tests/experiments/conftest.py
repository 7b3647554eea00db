"""Keeps pytest from importing what needs other packages than ours."""

collect_ignore = ["references/compute.py"]

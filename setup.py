"""The one part that is compiled, when Shoal is installed; all else stands in pyproject.toml.

Without a C compiler Shoal is installed all the same, and its workers decode at a third of the speed.
"""

from setuptools import Extension, setup

setup(ext_modules=[Extension("events.scan", ["events/scan.pyx"], depends=["events/tokens.pxd"], optional=True)])

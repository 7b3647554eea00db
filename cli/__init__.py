"""The `shoal` command: one module a command group, and rooms for what several of them use.

Arguments and the terminal enter; what commands do is in the packages below. Begin reading at `main`.
"""

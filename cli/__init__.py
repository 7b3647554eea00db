"""The `shoal` command: one module a command group, and rooms for what several of them use.

Begin reading at `main`.
"""

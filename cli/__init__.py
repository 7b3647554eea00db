"""The `shoal` command: one module a command group, and the embedded services for local use."""

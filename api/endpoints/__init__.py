"""The HTTP endpoints under /v1, one module for each resource, and their response models.

Only requests of whoever has the scope enter. Begin reading at `customers`.
"""

"""The dashboard: pages rendered here, for people who are signed in."""

from api.pages.routes import add_pages

__all__ = ["add_pages"]

"""The dashboard: HTML pages rendered on the server, behind a sign-in."""

from api.pages.routes import add_pages

__all__ = ["add_pages"]

"""The dashboard: HTML pages rendered on the server, behind a sign-in.

Only signed-in sessions enter; figures come as plain data from `figures`. Begin reading at `routes`.
"""

from api.pages.routes import add_pages

__all__ = ["add_pages"]

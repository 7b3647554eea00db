"""How people and services read Shoal: the HTTP API, the dashboard, and who may use them."""

from api.app import build_app
from api.settings import ApiSettings, AppSettings

__all__ = ["ApiSettings", "AppSettings", "build_app"]

"""Commands that change something are in the audit log, as requests are: before they do it, and by whom."""

import getpass
import time
from collections.abc import Sequence

from cli.local.service_addresses import state_settings

__all__ = ["on_record"]


def on_record(redis_url: str | None, action: str, customers: Sequence[str] = (), detail: str | None = None) -> None:
    """Add an entry for a command by this account, one for each of the customers; then the command may go on.

    Raises redis.RedisError: what cannot be put on record is not done.
    """
    from api.access.customer_access_log import record_now
    from api.access.scopes import Principal
    from api.settings import ApiSettings
    from state.store.connection import connect

    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        account = "unknown"
    caller = Principal("command-line", account, frozenset())
    client = connect(state_settings(redis_url).redis)
    record_now(client, caller, action, customers, detail, days=ApiSettings().audit_days, now_s=time.time())

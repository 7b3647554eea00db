"""`shoal keys`: make, list and revoke the keys of the API and the dashboard."""

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.local.audited import on_record
from cli.local.entry_writing import open_entries
from cli.local.service_addresses import RedisOption, read_local, state_settings
from cli.printing.durations import duration_s
from cli.printing.output import JsonOption, print_json, tables

if TYPE_CHECKING:
    from api.access.api_keys import KeyStore, NewKey

__all__ = ["app"]

app = typer.Typer(help="Make, list and revoke the keys of the API and the dashboard.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `shoal keys list` shows it.")]
ExpiresOption = Annotated[str, typer.Option(help="How long the key lasts: 24h, 90d, or never.")]
_SCOPES = "segments:read, customers:read, experiments:read, experiments:write, baselines:approve or admin (all of them)"


@app.command("create", epilog="Example: `shoal keys create shop --scope segments:read`")
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for people.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may do: {_SCOPES}. May be repeated.")],
    expires: ExpiresOption = "365d",
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and show it, once: only its hash is kept."""
    from api.access.scopes import Scope

    unknown = [each for each in scope if each not in list(Scope)]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no scope; one of {', '.join(Scope)}", param_hint="--scope")
    if not name.isprintable() or not 0 < len(name) <= 100:
        raise typer.BadParameter(f"{name!r} is no name of 1 to 100 printable characters", param_hint="NAME")
    now = datetime.now(UTC)
    until = _end(now, expires)
    on_record(redis, "key.create", detail=f"{name}: {', '.join(scope)}")
    _print_made(_writing_store(redis).create(name, [Scope(each) for each in scope], now, until), as_json)


@app.command("rotate", epilog="Example: `shoal keys rotate 0123456789ab --overlap 7d`")
def rotate(
    key_id: KeyArgument,
    overlap: Annotated[str, typer.Option(help="How long the old key goes on: 0s, 24h, 7d.")] = "7d",
    expires: ExpiresOption = "365d",
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key with the name and scopes of another, which ends after the overlap; the new one is shown once."""
    now = datetime.now(UTC)
    still = timedelta() if overlap == "0s" else timedelta(seconds=duration_s(overlap))
    until = _end(now, expires)
    on_record(redis, "key.rotate", detail=key_id)
    _print_made(_writing_store(redis).rotate(key_id, now, still, until), as_json)


def _end(now: datetime, expires: str) -> datetime | None:
    return None if expires == "never" else now + timedelta(seconds=duration_s(expires))


def _print_made(made: "NewKey", as_json: bool) -> None:
    if as_json:
        print_json({**_shown(made.key), "key": made.token})
        return
    tables().print(made.token, highlight=False, soft_wrap=True)
    tables().print("Keep it now: it is not shown again. Send it as `Authorization: Bearer <key>`.", highlight=False)


@app.command("list", epilog="Example: `shoal keys list --json`")
def list_keys(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """List the keys, without what opens them."""
    from rich.markup import escape
    from rich.table import Table

    found = [_shown(key) for key in _store(redis).all()]
    if as_json:
        print_json(found)
        return
    table = Table("id", "name", "scopes", "made", "expires")
    for key in found:
        made, expires = f"{key['created_at']:%Y-%m-%d %H:%M}", key["expires_at"]
        until = f"{expires:%Y-%m-%d %H:%M}" if expires else "–"
        table.add_row(key["id"], escape(key["name"]), ", ".join(key["scopes"]), made, until)
    tables().print(table if found else "no keys yet: make one with `shoal keys create NAME --scope segments:read`")


@app.command("revoke", epilog="Example: `shoal keys revoke 0123456789ab`")
def revoke(
    key_id: KeyArgument,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key; within SHOAL_API_KEY_CACHE_S seconds it opens nothing any more."""
    on_record(redis, "key.revoke", detail=key_id)
    _writing_store(redis).revoke(key_id)
    if as_json:
        print_json({"revoked": key_id})
    else:
        tables().print(f"revoked {key_id}", highlight=False)


@app.command("sign-in", epilog="Example: `shoal keys sign-in 0123456789ab`")
def sign_in(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key to sign in as.")],
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a link that signs in to the dashboard once, within an hour."""
    from api.access.api_keys import KeyUnknown
    from api.access.sign_in_sessions import new_sign_in
    from state.store.connection import connect

    client = connect(state_settings(redis).redis)
    if key_id not in {key.id for key in _store(redis).all()}:
        raise KeyUnknown(f"there is no API key {key_id!r}; `shoal keys list` shows those there are")
    on_record(redis, "key.sign-in", detail=key_id)
    local = read_local()
    address = (local.api if local else None) or "http://127.0.0.1:8080"
    link = f"{address}/sign-in?token={new_sign_in(client, key_id)}"
    if as_json:
        print_json({"link": link})
    else:
        tables().print(link, highlight=False, soft_wrap=True)


@app.command("sessions", epilog="Example: `shoal keys sessions --json`")
def sessions(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """List who is signed in to the dashboard: the sessions that have not ended, the newest first."""
    from rich.markup import escape
    from rich.table import Table

    from api.access.sign_in_sessions import open_sessions
    from state.store.connection import connect

    names = {key.id: key.name for key in _store(redis).all()}
    found = [
        {
            "id": each.id,
            "key_id": each.key_id,
            "name": names.get(each.key_id),
            "began_at": None if each.began_s is None else datetime.fromtimestamp(each.began_s, UTC).isoformat(),
            "ends_at": datetime.fromtimestamp(each.ends_s, UTC).isoformat(),
        }
        for each in open_sessions(connect(state_settings(redis).redis), time.time())
    ]
    if as_json:
        print_json(found)
        return
    table = Table("id", "key", "name", "since", "until")
    for each in found:
        table.add_row(*(escape(each[column] or "–") for column in ("id", "key_id", "name", "began_at", "ends_at")))
    tables().print(table if found else "nobody is signed in")


@app.command("end-session", epilog="Example: `shoal keys end-session 0123456789ab`")
def end_session(
    session_id: Annotated[str, typer.Argument(metavar="[ID]", help="As `shoal keys sessions` shows it.")] = "",
    key: Annotated[str, typer.Option("--key", metavar="ID", help="End all sessions of this key instead.")] = "",
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a session of the dashboard, or all of a key; the key itself goes on."""
    from api.access.sign_in_sessions import end_sessions
    from state.store.connection import connect

    if bool(session_id) == bool(key):
        raise typer.BadParameter("give the id of a session, or --key with the id of a key")
    on_record(redis, "session.end", detail=session_id or f"all of key {key}")
    ended = end_sessions(connect(state_settings(redis).redis), time.time(), session_id=session_id, key_id=key)
    print_json({"ended": ended}) if as_json else tables().print(f"{ended} sessions ended", highlight=False)


def _shown(key: Any) -> dict[str, Any]:
    return dict(key.model_dump(exclude={"digest"}))


def _store(redis: str | None) -> "KeyStore":
    from api.access.api_keys import KeyStore
    from state.store.connection import connect

    return KeyStore(connect(state_settings(redis).redis))


def _writing_store(redis: str | None) -> "KeyStore":
    from api.access.api_keys import KeyStore

    return KeyStore(*open_entries(redis))

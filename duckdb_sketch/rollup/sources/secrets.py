"""Secrets of DuckDB, `CREATE SECRET (TYPE s3, …)`, as credentials of object stores.

DuckDB shows a secret in full only if it was opened with `allow_unredacted_secrets`. Of others it is known which URLs
they are for: DuckDB's httpfs, without which there is no such secret, reads those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from duckdb_sketch.rollup.query import Row, fetch, fetch_row

_OWN_ENDPOINT = "amazonaws.com"
# What the parts of a secret are called by obstore.
_NAMES = {
    "key_id": "access_key_id",
    "secret": "secret_access_key",
    "session_token": "session_token",
    "region": "region",
}


@dataclass(frozen=True)
class Secret:
    """A secret for URLs that begin in some way.

    Attributes:
        scope: How they begin.
        options: The credentials, as obstore takes them; None if DuckDB does not show them.
    """

    scope: str
    options: tuple[tuple[str, str], ...] | None


_known: dict[str, Secret] = {}


def use_secrets(connection: duckdb.DuckDBPyConnection) -> None:
    """Take the secrets of a connection's database for what this process reads and writes from now on.

    A database that is locked, as a service's is, does not get at them any more.
    """
    shown, opened = fetch_row(
        connection, "SELECT current_setting('allow_unredacted_secrets'), current_setting('enable_external_access')"
    )
    if not opened:
        return
    rows = fetch(
        connection,
        f"SELECT type, scope, secret_string FROM duckdb_secrets(redact := {not shown}) "
        "WHERE type IN ('s3', 'r2', 'gcs', 'azure')",
    )
    _known.update({secret.scope: secret for secret in secrets_of(rows, shown=bool(shown))})


def secret_of(url: str) -> Secret | None:
    """The secret for a URL: that whose scope says most of it; None if there is none."""
    found = [secret for scope, secret in _known.items() if url.startswith(scope)]
    return max(found, key=lambda secret: len(secret.scope), default=None)


def secrets_of(rows: Iterable[Row], *, shown: bool) -> list[Secret]:
    """The secrets in rows of type, scopes and text, such as `key_id=…;secret=…;region=eu-west-1`."""
    found = []
    for kind, scopes, text in rows:
        parts = dict(part.partition("=")[::2] for part in text.split(";"))
        options = tuple(_options(parts).items()) if shown and kind == "s3" else None
        found += [Secret(scope, options) for scope in scopes]
    return found


def _options(parts: dict[str, str]) -> dict[str, str]:
    options = {name: parts[key] for key, name in _NAMES.items() if parts.get(key)}
    endpoint = parts.get("endpoint", "")
    if endpoint and not endpoint.endswith(_OWN_ENDPOINT):
        options["endpoint"] = f"{'http' if parts.get('use_ssl') == 'false' else 'https'}://{endpoint}"
    elif parts.get("url_style") == "vhost":
        options["virtual_hosted_style_request"] = "true"
    return options

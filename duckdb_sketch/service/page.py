"""The page at `/`: how every rollup stands."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
td.number, th.number { text-align: right }
.failing { color: #b00020 }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } .failing { color: #ff6b6b } }
"""
_COLUMNS = ("table", "every", "groups", "first bucket", "last bucket", "events", "late", "watermark")


def page(status: list[dict[str, Any]]) -> str:
    """The page.

    Args:
        status: As `Service.status` gives it.
    """
    rollups = "".join(_rollup(each) for each in status)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Rollups</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="10">'
        f"<style>{_STYLE}</style></head><body><h1>Rollups</h1>{rollups}"
        "<p>POST /query answers questions; /openapi.json says how, and what else there is.</p></body></html>"
    )


def _rollup(each: dict[str, Any]) -> str:
    worker = each["worker"]
    parts = [worker["state"]]
    if worker["last_success"] is not None:
        parts.append(f"current as of {worker['last_success']:%Y-%m-%d %H:%M:%S} UTC")
    if worker["error"] is not None:
        parts.append(f"{worker['failures']} failed: {worker['error']}")
    name, line = escape(each["rollup"]), escape("; ".join(parts))
    mark = ' class="failing"' if worker["error"] else ""
    return f"<h2>{name}</h2><p{mark}>{line}</p>{_tables(each['tables'])}"


def _tables(tables: list[dict[str, Any]]) -> str:
    if not tables:
        return "<p>Nothing has been counted yet.</p>"
    head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, tables))}</tbody></table>"


def _row(table: dict[str, Any]) -> str:
    of_level = table["parent"] is not None
    cells = (
        table["rollup"],
        table["every"],
        f"{table['groups']:,}",
        table["first_bucket"],
        table["last_bucket"],
        "" if of_level else f"{table['rows']:,}",
        "" if of_level else f"{table['late_rows']:,}",
        table["watermark"],
    )
    items = "".join(f"<td>{'' if cell is None else escape(str(cell))}</td>" for cell in cells)
    return f"<tr>{items}</tr>"

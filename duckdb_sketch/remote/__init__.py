"""Asking a service that runs elsewhere, or in another process of this machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from duckdb_sketch.remote.errors import ServiceBusyError, ServiceError
from duckdb_sketch.remote.finding import find_service

if TYPE_CHECKING:
    from duckdb_sketch.remote.client import RemoteAnswer, RemoteExplanation, ServiceClient, connect_service

__all__ = [
    "RemoteAnswer",
    "RemoteExplanation",
    "ServiceBusyError",
    "ServiceClient",
    "ServiceError",
    "connect_service",
    "find_service",
]

# HTTP and TLS take 20 ms to import, and most rollups are in no service.
_OF_CLIENT = ("RemoteAnswer", "RemoteExplanation", "ServiceClient", "connect_service")


def __getattr__(name: str) -> object:
    if name not in _OF_CLIENT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("duckdb_sketch.remote.client"), name)

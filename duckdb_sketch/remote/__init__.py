"""Asking a service that runs elsewhere, or in another process of this machine."""

from duckdb_sketch.remote.client import RemoteAnswer, RemoteExplanation, ServiceClient, connect_service, find_service
from duckdb_sketch.remote.errors import ServiceBusyError, ServiceError

__all__ = [
    "RemoteAnswer",
    "RemoteExplanation",
    "ServiceBusyError",
    "ServiceClient",
    "ServiceError",
    "connect_service",
    "find_service",
]

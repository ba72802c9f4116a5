"""What goes wrong when a service is asked."""

from duckdb_sketch.errors import SketchError


class ServiceError(SketchError):
    """A service does not answer; the message is the service's own, or says why it cannot be reached.

    Attributes:
        status: The status of HTTP; None if it cannot be reached.
        kind: The service's name for the error; empty if there is none.
    """

    def __init__(self, message: str, status: int | None = None, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class ServiceBusyError(ServiceError):
    """A service has too much to do; the same request may work a moment later."""

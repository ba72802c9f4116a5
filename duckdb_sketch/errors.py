"""What goes wrong outside SQL. Errors inside a query are DuckDB's own, and come as `duckdb.Error`."""


class SketchError(Exception):
    """The base of every error that this package raises itself."""


class LoadError(SketchError):
    """The functions could not be loaded into a connection; the message says what to do instead."""


class NativeUnavailableError(LoadError):
    """The native extension cannot be loaded, and the portable backend can; the message says why, and what to do."""


class MissingDependencyError(SketchError, ImportError):
    """An optional dependency is not installed; the message is the pip command that installs it."""


class InvalidInputError(SketchError, ValueError):
    """A value that is not what it has to be; the message says what was wrong, and what would be right."""

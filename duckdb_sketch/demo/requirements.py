"""What the demo needs beyond the package itself."""

from importlib.util import find_spec

from duckdb_sketch.errors import MissingDependencyError


def require(*modules: str) -> None:
    """Check that `modules` are installed, without importing them.

    Raises:
        MissingDependencyError: If one is not.
    """
    for name in modules:
        if find_spec(name) is None:
            raise MissingDependencyError(f"the demo needs {name}: pip install {name}", name=name)

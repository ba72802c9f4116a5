"""What pictures need beyond the package itself."""

from importlib.util import find_spec

from duckdb_sketch.errors import MissingDependencyError


def require_matplotlib() -> None:
    """Check that what pictures need is installed, without importing it.

    Raises:
        MissingDependencyError: If it is not.
    """
    for name in ("matplotlib", "pyarrow"):
        if find_spec(name) is None:
            raise MissingDependencyError(f"pictures need {name}: pip install {name}", name=name)

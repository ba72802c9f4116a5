"""`python -m extension_file.description`: print the `description.yml` for DuckDB's community repository."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from pathlib import Path

from extension_file.compiler import crate_version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PROJECT = Path(__file__).parent.parent
_TEMPLATE = Path("integrations", "duckdb-community", "description.template.yml")
_GITHUB = re.compile(r"https://github\.com/([\w-]+)/([\w.-]+?)(?:\.git)?/?")


class NoAddressError(Exception):
    """Nothing says where the project is published; the message says where to write it."""


def main() -> None:
    """Describe the commit that is checked out."""
    command = ["git", "-C", str(_PROJECT), "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        print(description(_PROJECT, commit), end="")
    except NoAddressError as error:
        sys.exit(f"{error}.")


def description(project: Path, commit: str) -> str:
    """Fill in the template.

    Args:
        project: The folder of `pyproject.toml`, which alone says where the project is published.
        commit: The full hash of what the community repository is to build.

    Returns:
        The text of `description.yml`.

    Raises:
        NoAddressError: If `pyproject.toml` names no repository on GitHub.
    """
    owner, name = _repository(project / "pyproject.toml")
    template = string.Template((project / _TEMPLATE).read_text(encoding="utf-8"))
    return template.substitute(owner=owner, name=name, commit=commit, version=crate_version(project / "extension"))


def _repository(pyproject: Path) -> tuple[str, str]:
    """The owner and the name of the repository."""
    urls = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"].get("urls", {})
    match = _GITHUB.fullmatch(urls.get("Repository", ""))
    if match is None:
        raise NoAddressError(
            "pyproject.toml does not say where the project is published: add Repository to [project.urls], "
            'an address such as "https://github.com/OWNER/duckdb_sketch"'
        )
    return match[1], match[2]


if __name__ == "__main__":
    main()

"""Build hook of the wheel: compile the extension, sign it, tag the wheel with its platform."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROJECT = Path(__file__).parent
sys.path.insert(0, str(PROJECT))  # a PEP 517 frontend does not put the project itself on the path

from extension_file.build import build_extension  # noqa: E402
from extension_file.compiler import build_requirements  # noqa: E402
from extension_file.platforms import wheel_platform  # noqa: E402


class ExtensionBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for every wheel, editable ones included; both files land in the package's folder."""

    def dependencies(self) -> list[str]:
        """What pip installs before the hook runs."""
        return build_requirements()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the extension before hatchling collects the files."""
        build_extension(PROJECT)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{wheel_platform()}"

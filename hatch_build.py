"""Build hook of the wheel: compile the extension, sign it, tag the wheel with its platform.

Where no Rust is found and none can be fetched, the wheel has no extension and is for any platform: `py3-none-any`.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROJECT = Path(__file__).parent
sys.path.insert(0, str(PROJECT))  # a PEP 517 frontend does not put the project itself on the path

from extension_file.build import EXTENSION, PUBLIC_KEY, build_extension  # noqa: E402
from extension_file.target import chosen_target  # noqa: E402
from extension_file.toolchain import (  # noqa: E402
    NoToolchainError,
    build_requirements,
    native_is_required,
    without_native,
)


class ExtensionBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for every wheel, editable ones included; both files land in the package's folder."""

    def dependencies(self) -> list[str]:
        """What pip installs before the hook runs."""
        return build_requirements(PROJECT / "extension")

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the extension before hatchling collects the files."""
        try:
            target = chosen_target()
            build_extension(PROJECT, target)
        except NoToolchainError as error:
            if native_is_required():
                self.app.abort(f"The native extension cannot be built: {error}.")
            self.app.display_warning(without_native(error))
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target.wheel}"
        # Kept out of git, so they have to be asked for; what an earlier build left is in no wheel without them.
        build_data["artifacts"] += [f"duckdb_sketch/{EXTENSION}", f"duckdb_sketch/{PUBLIC_KEY}"]

"""`python -m extension_file`: rebuild the extension of this working copy, where there is a Rust that can."""

import sys
from pathlib import Path

from extension_file.build import build_extension
from extension_file.toolchain import NoToolchainError, native_is_required, without_native

try:
    print(build_extension(Path(__file__).parent.parent))
except NoToolchainError as error:
    if native_is_required():
        sys.exit(f"The native extension cannot be built: {error}.")
    print(without_native(error), file=sys.stderr)

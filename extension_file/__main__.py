"""`python -m extension_file`: rebuild the extension of this working copy."""

from pathlib import Path

from extension_file.build import build_extension

print(build_extension(Path(__file__).parent.parent))

"""The names that DuckDB and Python packaging give to the machine that builds."""

import platform
import sysconfig

from extension_file.toolchain import NoToolchainError

_SYSTEMS = {"Linux": "linux", "Darwin": "osx", "Windows": "windows"}
_LIBRARIES = {"Linux": "libduckdb_sketch.so", "Darwin": "libduckdb_sketch.dylib", "Windows": "duckdb_sketch.dll"}
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64", "ARM64": "arm64"}
OLDEST_MACOS = "11.0"  # what rustc targets on Apple silicon


def duckdb_platform() -> str:
    """DuckDB's name of this machine, such as `linux_amd64`.

    Raises:
        NoToolchainError: If DuckDB has no name for it, and so no extensions.
    """
    try:
        name = f"{_SYSTEMS[platform.system()]}_{_MACHINES[platform.machine()]}"
    except KeyError:
        raise NoToolchainError(f"DuckDB has no extensions for {platform.system()} on {platform.machine()}") from None
    return name + "_musl" if _is_musl() else name


def library_name() -> str:
    """The name that cargo gives a library on this machine."""
    return _LIBRARIES[platform.system()]


def wheel_platform() -> str:
    """The platform part of the wheel's tag, such as `linux_x86_64`."""
    if platform.system() == "Darwin":
        # Python itself may be universal2; the library that cargo builds is for one machine.
        return f"macosx_{OLDEST_MACOS.replace('.', '_')}_{platform.machine()}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _is_musl() -> bool:
    return platform.system() == "Linux" and platform.libc_ver()[0] != "glibc"

"""What turns a compiled library into a `.duckdb_extension` file: compiler, footer, signature.

Used while packaging (`hatch_build.py`), while developing (`python -m extension_file`) and by the tests.
Not part of the wheel.
"""

"""Speed, size, accuracy and memory, beside other systems: `python -m benchmarks` lists the suites."""

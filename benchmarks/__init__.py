"""Speed, size and accuracy of these sketches beside those of other systems: `python -m benchmarks --help`."""

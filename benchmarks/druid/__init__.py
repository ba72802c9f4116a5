"""Beside Druid: how fast its own classes merge their sketches, and how far off they are, against ours."""

"""What the rollups of a database have counted, and the connection to it."""

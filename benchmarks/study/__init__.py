"""The storage study: raw rows, and the same rows rolled up, in bytes and in the time of a question."""

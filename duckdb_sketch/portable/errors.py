"""The one error of the sketches: bad bytes, or a bad question to them."""


class InvalidInputError(ValueError):
    """What was wrong, and what would be right. `functions` puts the name of the SQL function before it."""

"""The precision of an HLL sketch: log2 of the number of its registers."""

from duckdb_sketch.errors import InvalidInputError

LEAST_LG_K = 4
GREATEST_LG_K = 21
DEFAULT_LG_K = 12


def checked_lg_k(lg_k: int | None) -> int:
    """Return `lg_k` if it is in range.

    Raises:
        InvalidInputError: Unless it is from 4 to 21.
    """
    if lg_k is None:
        raise InvalidInputError("lg_k is NULL, and must be a constant")
    if not LEAST_LG_K <= lg_k <= GREATEST_LG_K:
        raise InvalidInputError(f"lg_k is {lg_k}, and must be from {LEAST_LG_K} to {GREATEST_LG_K}")
    return lg_k


def common_lg_k(lg_ks: set[int], allow_different: bool) -> int:
    """Return the precision of a merge of non-empty sketches of these precisions: the least.

    Raises:
        InvalidInputError: If they differ and may not.
    """
    low, high = min(lg_ks), max(lg_ks)
    if low != high and not allow_different:
        raise InvalidInputError(
            f"sketches of lg_k {low} and {high} were to be merged; build both with one lg_k, "
            "or allow the loss of precision with allow_different_lg_k = true"
        )
    return low

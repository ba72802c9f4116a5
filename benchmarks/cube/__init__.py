"""What a query over events takes when rollups answer it, beside the best statement by hand and raw events."""

"""What a rollup costs on Spark, beside Spark's own aggregates."""

-- The manifest of the rollups in a database: what each has counted, and what is known about time.
--
-- It lies in the database that the rollups lie in, so that one transaction holds a batch's rows and its lines here.
-- Times are TIMESTAMP without a zone: UTC where the rollup's buckets are TIMESTAMPTZ, else whatever the events say.
-- Read it as you like; only `duckdb-sketch rollup` should write to it.

CREATE SCHEMA IF NOT EXISTS rollup_manifest;

CREATE TABLE IF NOT EXISTS rollup_manifest.version (version INTEGER NOT NULL);
INSERT INTO rollup_manifest.version SELECT 1 WHERE NOT EXISTS (FROM rollup_manifest.version);

-- One row a rollup. Every batch begins with an update of this row, so that of two at the same time one has to wait.
CREATE TABLE IF NOT EXISTS rollup_manifest.rollups (
    rollup VARCHAR NOT NULL,           -- the table's name
    statement VARCHAR,                 -- the SELECT that defines it; NULL for a coarser level
    parent VARCHAR,                    -- of a coarser level: the rollup that it is made from
    every VARCHAR,                     -- of a coarser level: the width of its buckets
    dimensions VARCHAR[],              -- of a coarser level: those that it keeps; NULL for all
    input_types MAP(VARCHAR, VARCHAR), -- the columns of the events that the statement reads, as first seen
    time_zone VARCHAR,                 -- in which TIMESTAMPTZ are truncated; NULL where no column is one
    allowed_lateness INTERVAL NOT NULL,
    late VARCHAR NOT NULL,             -- what happens to rows of final buckets: merge, drop or error
    earliest TIMESTAMP NOT NULL,       -- event times before it, or not before `latest`, are kept out
    latest TIMESTAMP NOT NULL,
    last_batch BIGINT NOT NULL,
    consumed BIGINT,                   -- of a coarser level: the last batch of its parent that it has
    highest_event TIMESTAMP,           -- over all batches
    watermark TIMESTAMP,               -- buckets that end by then are final; it moves when a refresh is complete
    expired_before TIMESTAMP           -- buckets before it were dropped, and are never made again
);

-- One row a batch: files counted, data appended, buckets rebuilt, a replay, an expiry.
CREATE TABLE IF NOT EXISTS rollup_manifest.batches (
    rollup VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    kind VARCHAR NOT NULL,             -- refresh, append, rebuild, replay, expire, level or import
    batch_id VARCHAR,                  -- of an append: its caller's name for it
    finished TIMESTAMPTZ NOT NULL,
    rows UBIGINT NOT NULL,             -- that are in the rollup
    late_rows UBIGINT NOT NULL,        -- of those, the ones for buckets that were final
    dropped_rows UBIGINT NOT NULL,     -- for final buckets, and dropped
    rejected_rows UBIGINT NOT NULL,    -- kept out: the event time is NULL or absurd
    first_event TIMESTAMP,
    last_event TIMESTAMP
);

-- One row a file that has been counted.
CREATE TABLE IF NOT EXISTS rollup_manifest.files (
    rollup VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    size UBIGINT NOT NULL,             -- bytes
    modified BIGINT NOT NULL,          -- nanoseconds since 1970
    batch BIGINT NOT NULL,
    rows UBIGINT NOT NULL,             -- in the file
    first_event TIMESTAMP,
    last_event TIMESTAMP
);

-- One row a bucket that a batch touched.
CREATE TABLE IF NOT EXISTS rollup_manifest.changes (
    rollup VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    bucket TIMESTAMP NOT NULL,
    pane VARCHAR NOT NULL,             -- early: not yet final. on time: final from this batch on. late: was final
    rows UBIGINT NOT NULL              -- that the batch has for it; 0 on time: nothing new, but final now
);

-- One row a folder that a rollup was exported to.
CREATE TABLE IF NOT EXISTS rollup_manifest.exports (
    rollup VARCHAR NOT NULL,
    folder VARCHAR NOT NULL,
    batch BIGINT NOT NULL              -- the last one that is in it; 0 until an export is complete
);

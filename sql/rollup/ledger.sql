-- The ledger of the rollups in a database, version 2: what each has counted, and what is known about time.
--
-- It lies in the database that the rollups lie in, so that one transaction holds a batch's rows and its lines here.
-- Times are TIMESTAMP without a zone: UTC where the rollup's buckets are TIMESTAMPTZ, else whatever the events say.
-- Read it as you like; only `duckdb-sketch rollup` should write to it.

CREATE SCHEMA IF NOT EXISTS rollup_manifest;

CREATE TABLE IF NOT EXISTS rollup_manifest.version (version INTEGER NOT NULL);
INSERT INTO rollup_manifest.version SELECT 2 WHERE NOT EXISTS (FROM rollup_manifest.version);

-- One row per rollup of events, and one per coarser level. Every batch begins with an update of this row, so that of
-- two at the same time one has to wait.
CREATE TABLE IF NOT EXISTS rollup_manifest.rollups (
    rollup VARCHAR NOT NULL,           -- the table's name
    statement VARCHAR,                 -- of a rollup: the SELECT that defines it
    source VARCHAR,                    -- of a rollup: reserved for the declaration of its source; NULL for now
    input_types MAP(VARCHAR, VARCHAR), -- of a rollup: the columns of the events that the statement reads, as first seen
    late VARCHAR,                      -- of a rollup: what happens to rows of final buckets: merge, drop or error
    earliest TIMESTAMP,                -- of a rollup: event times before this are rejected
    latest TIMESTAMP,                  -- of a rollup: event times from this on are rejected
    parent VARCHAR,                    -- of a level: the rollup or level that it is made from
    every VARCHAR,                     -- of a level: the width of its buckets
    dimensions VARCHAR[],              -- of a level: those that it keeps; NULL for all
    consumed BIGINT,                   -- of a level: the last batch of its parent that it has
    time_zone VARCHAR,                 -- in which TIMESTAMPTZ are truncated; NULL where no column is one
    allowed_lateness INTERVAL NOT NULL,
    last_batch BIGINT NOT NULL,
    highest_event TIMESTAMP,           -- over all batches
    watermark TIMESTAMP,               -- buckets that end by then are final; it moves when a refresh is complete
    expired_before TIMESTAMP           -- buckets before it were dropped, and are never made again
);

-- One row per batch: files counted, data appended, buckets rebuilt, a replay, an expiry.
CREATE TABLE IF NOT EXISTS rollup_manifest.batches (
    rollup VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    kind VARCHAR NOT NULL,             -- refresh, append, rebuild, replay, expire, level or import
    finished TIMESTAMPTZ NOT NULL,
    rows UBIGINT NOT NULL,             -- that are in the rollup
    late_rows UBIGINT NOT NULL,        -- of those, the ones for buckets that were final
    dropped_rows UBIGINT NOT NULL,     -- for final buckets, and dropped
    rejected_rows UBIGINT NOT NULL,    -- kept out: the event time is NULL or out of range
    first_event TIMESTAMP,
    last_event TIMESTAMP
);

-- One row per slice of events that has been counted: a file, or data that was appended under an id.
CREATE TABLE IF NOT EXISTS rollup_manifest.slices (
    rollup VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,             -- file, batch or import
    slice VARCHAR NOT NULL,            -- file: its path. batch: the caller's id. import: the folder of the export
    fingerprint VARCHAR NOT NULL,      -- changes if the slice does; file: its size, ':', its time of change, and
                                       -- if it is known ':' and a hash of its bytes
    size UBIGINT,                      -- bytes, where that is known
    batch BIGINT NOT NULL,             -- that counted it
    rows UBIGINT NOT NULL,             -- in the slice
    first_event TIMESTAMP,
    last_event TIMESTAMP
);

-- The files among the slices, as version 1 listed them.
CREATE VIEW IF NOT EXISTS rollup_manifest.files AS
SELECT rollup, slice AS path, size, TRY_CAST(split_part(fingerprint, ':', 2) AS BIGINT) AS modified, -- nanoseconds
    batch, rows, first_event, last_event
FROM rollup_manifest.slices WHERE kind = 'file';

-- One row per bucket that a batch touched. Of batches before the newest 1,000 (keep_changes) only what verification
-- needs is kept, and a row with the pane `pruned` says up to which batch that is.
CREATE TABLE IF NOT EXISTS rollup_manifest.changes (
    rollup VARCHAR NOT NULL,
    batch BIGINT NOT NULL,
    bucket TIMESTAMP NOT NULL,
    pane VARCHAR NOT NULL,             -- early: not yet final. on time: final from this batch on. late: was final
    rows UBIGINT NOT NULL              -- that the batch has for it; 0 on time: nothing new, but final now
);

-- One row per folder that a rollup was exported to.
CREATE TABLE IF NOT EXISTS rollup_manifest.exports (
    rollup VARCHAR NOT NULL,
    folder VARCHAR NOT NULL,
    batch BIGINT NOT NULL              -- the last one that is in it; 0 until an export is complete
);

-- One row per source of a rollup: where it stands. A ledger that was made before there was this table gets it with the
-- next batch.
CREATE TABLE IF NOT EXISTS rollup_manifest.sources (
    rollup VARCHAR NOT NULL,
    source VARCHAR NOT NULL,           -- its paths, or the declaration of a table
    slice VARCHAR,                     -- the last one of it that was counted
    highest_event TIMESTAMP,           -- in what was counted of it
    moved TIMESTAMPTZ,                 -- when something of it was counted last
    waiting UBIGINT NOT NULL,          -- slices that the last refresh found and did not count
    error VARCHAR,                     -- why not
    failed TIMESTAMPTZ                 -- when that was
);

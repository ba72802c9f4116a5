-- From version 1 of the ledger to version 2: its tables that change, taken out and dropped. `migration.py` makes those
-- of `ledger.sql` and fills them, all in one transaction.
--
-- The table of files and the ids of batches become slices. Rollups and levels keep only columns of their own.

CREATE OR REPLACE TEMP TABLE migrated_rollups AS
SELECT rollup, statement, NULL::VARCHAR AS source, CASE WHEN parent IS NULL THEN input_types END AS input_types,
    CASE WHEN parent IS NULL THEN late END AS late, CASE WHEN parent IS NULL THEN earliest END AS earliest,
    CASE WHEN parent IS NULL THEN latest END AS latest, parent, every, dimensions,
    CASE WHEN parent IS NOT NULL THEN coalesce(consumed, 0) END AS consumed, time_zone, allowed_lateness, last_batch,
    highest_event, watermark, expired_before
FROM rollup_manifest.rollups;

CREATE OR REPLACE TEMP TABLE migrated_batches AS SELECT * EXCLUDE (batch_id) FROM rollup_manifest.batches;

CREATE OR REPLACE TEMP TABLE migrated_slices AS
SELECT rollup, 'file' AS kind, path AS slice, concat(size, ':', modified) AS fingerprint, size, batch, rows,
    first_event, last_event
FROM rollup_manifest.files
UNION ALL
SELECT rollup, 'batch', batch_id, '', NULL, batch, rows, first_event, last_event
FROM rollup_manifest.batches WHERE batch_id IS NOT NULL;

DROP TABLE rollup_manifest.rollups;
DROP TABLE rollup_manifest.batches;
DROP TABLE rollup_manifest.files;

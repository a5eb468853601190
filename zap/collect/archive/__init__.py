"""The long-term archive: every accepted event once, as Parquet by source and day."""

"""Bad rows: kept by day and source, listed, and replayed once they were mended."""

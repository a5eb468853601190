"""How fast tables of BigQuery are read, and where the time goes."""

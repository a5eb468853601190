"""BigQuery: names of tables, clients, and what is read and written through them.

The room knows nothing of events or scores. It needs the extra ``gcp``, and imports what
that brings only when it runs.
"""

"""From the spool to the sinks: each at its own pace, none of them lost.

Nothing here loads pyarrow; the sinks do, in the delivery's own process.
"""

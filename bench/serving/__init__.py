"""How fast predictions are: in a process, and over HTTP beside a usual server."""

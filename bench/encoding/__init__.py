"""How fast events are encoded, one instance in a server and many in a batch."""

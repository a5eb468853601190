"""How well leaks are caught: planted ones, and the messages that caught them."""

"""The command line: a thin face. Each command imports what it needs when it runs."""

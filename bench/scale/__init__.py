"""Proofs on real clusters: the same examples on every runner, whatever happens."""

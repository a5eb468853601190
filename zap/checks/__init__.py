"""Proofs that a generator sees nothing of what comes after its cutoffs."""

from zap.checks.honest import assert_honest

__all__ = ["assert_honest"]

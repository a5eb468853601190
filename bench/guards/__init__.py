"""Experiments that hold Zap against what is known to be true."""

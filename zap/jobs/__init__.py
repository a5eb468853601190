"""Whole stages in one call: what the command line, the scripts and a scheduler run."""

"""The generators that ship with Zap: one file for each question."""

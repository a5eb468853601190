"""A made-up shop whose every visitor is simulated, and whose truth is known."""

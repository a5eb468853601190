"""How fast shops are simulated, and in how much memory."""

"""What the clients of each tool say, and what they must be told."""

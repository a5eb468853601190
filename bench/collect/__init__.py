"""What the collector costs, part by part and as a whole."""

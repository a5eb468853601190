"""What is done to events before they are written: privacy first, then schemas."""

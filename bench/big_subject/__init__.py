"""What one subject with millions of events costs."""

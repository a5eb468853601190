"""What a job costs by its size: measured runs, a model of them, and its error."""

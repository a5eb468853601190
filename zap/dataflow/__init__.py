"""What a job needs to run on Google's Dataflow: checks, defaults, and staged files."""

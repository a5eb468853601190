"""What a generator with plain Python methods costs, beside the same in expressions."""

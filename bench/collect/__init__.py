"""The collector beside what does the same by hand."""

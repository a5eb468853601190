"""Training beside the expanded form, and the first layer beside what one writes."""

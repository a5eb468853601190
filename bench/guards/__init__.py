"""Evidence for the guards: what leaks, bots, bias and labels do, measured."""

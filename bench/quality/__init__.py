"""How good Zap's default model is, beside what one would otherwise build by hand."""

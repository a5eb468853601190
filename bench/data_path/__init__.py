"""Zap's data path beside three references that do the same job by hand."""

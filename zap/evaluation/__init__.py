"""Metrics, curves, the simple baseline and the report: how good is a model?"""

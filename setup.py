"""Lets Beam's ``--setup_file ./setup.py`` build this package; see pyproject.toml."""

from setuptools import setup

setup()

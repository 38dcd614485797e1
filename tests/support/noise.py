"""Noise rules of tests."""

ODD_PAGES = """
version = "2030-01-01"
[[rule]]
id = "odd-pages"
category = "injected"
reason = "A rule of the test."
host = "odd.example"
"""

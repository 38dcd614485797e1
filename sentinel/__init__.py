"""The command line, the settings, and the one-machine mode that ties the rooms together."""

__version__ = "0.1.0"

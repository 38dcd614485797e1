"""`make bench`: each file is a section, a function from options to figures, or what the sections share."""

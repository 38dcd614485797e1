"""Who gets into the console, as whom, and what a browser may do with its answers."""

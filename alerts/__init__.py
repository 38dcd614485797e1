"""What is new in the store, told once: events, the messages they go out in, and the channels that take them."""

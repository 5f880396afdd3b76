"""What another policy would have done: recorded sessions through the same core, side by side.

`recorded` is what happened, `rates` how often cards said yes, `model` one session under one policy,
`side` and `compare` the sums. `from_topics` and `from_file` fill `recorded`; nothing here writes.
"""

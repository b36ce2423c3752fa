"""The records: what is sent to Loops, and what Loops returns. They contain no JSON code."""

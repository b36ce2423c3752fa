"""What needs an extra: pieces that join loops_async to other libraries."""

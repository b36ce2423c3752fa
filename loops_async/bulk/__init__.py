"""Bulk writes: constant memory, one outcome per row, rows of one contact in their order."""

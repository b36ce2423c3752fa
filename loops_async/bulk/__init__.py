"""Bulk writes, in constant memory, with one outcome per row and each contact's rows in order."""

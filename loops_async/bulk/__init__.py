"""Many writes at once: constant memory, one outcome a row, a contact's rows in their order."""

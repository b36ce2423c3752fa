"""Between the endpoints and the transport: retries, deadlines, and what a reply means."""

"""Between the API and the transport: retries, deadlines, and the interpretation of replies."""

"""The layers between the API and the transport: retries, deadlines and parsing of responses."""

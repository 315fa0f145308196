"""The engine: makes answers, whoever watches. docs/adr/0001 says why it is built this way."""

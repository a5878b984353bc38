"""What the gateway's HTTP APIs are, as OpenAPI 3.1 documents: pure data, which both planes may serve."""

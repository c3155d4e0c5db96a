"""The shapes of what goes over the wire: one struct per document, from which parsing, answers and OpenAPI come."""

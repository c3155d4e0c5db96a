"""The shapes on the wire: a struct per document; parsing, answers and OpenAPI all come from it."""

"""The HTTP layer: events in, thin functions called, proxy answers out. It knows nothing of models."""

"""The domain: what a model, a version and an upload are and what may be done with them; no HTTP, no boto3."""

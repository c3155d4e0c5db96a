"""The routes, one module per resource: parse, call, answer. Importing a module declares its operations."""

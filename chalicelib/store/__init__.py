"""DynamoDB and S3: `table` and `objects` speak to them, the other modules are verbs on those two."""

"""DynamoDB and S3, each spoken to in one place: `table` and `objects`; the other modules are verbs on them."""

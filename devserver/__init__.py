"""Weighthouse on one machine: the app of `app.py` behind a stand-in of API Gateway, S3, DynamoDB and events."""

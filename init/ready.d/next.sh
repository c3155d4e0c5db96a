#!/bin/sh
# LocalStack runs this once it is ready. It makes nothing: `make run` does.
echo "Ready. In another terminal: AWS_ENDPOINT_URL=http://localhost:4566 make run"

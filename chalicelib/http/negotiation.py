"""Which kind of content a client and API Gateway agree on."""

BINARY_TYPES = ("multipart/form-data", "application/octet-stream", "application/zip")
"""Media types that travel base64-encoded between API Gateway and the function, both ways."""

_BINARY_ANSWERS = BINARY_TYPES[1:]


def media_type(header: str | None) -> str:
    """The media type in a Content-Type header, in lower case and without parameters; "" for none."""
    return (header or "").partition(";")[0].strip().lower()


def wants_binary(accept: str | None) -> bool:
    """Whether bytes may be put into the answer itself: a binary type is the first one in Accept.

    API Gateway looks at the first media type alone and would hand out base64 text otherwise
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html).
    """
    return media_type((accept or "").partition(",")[0]) in _BINARY_ANSWERS

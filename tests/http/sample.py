"""A small private application: one operation of each kind, with every type a field can have."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from chalicelib.http.answers import Answer, Content, Redirect
from chalicelib.http.forms import FormUpload
from chalicelib.http.gateway import Weighthouse
from chalicelib.http.negotiation import wants_binary
from chalicelib.http.operations import Operation, operation

OPERATIONS: list[Operation] = []


class Fields(Struct, kw_only=True, forbid_unknown_fields=True):
    """Every kind of field."""

    name: Annotated[str, Meta(min_length=1, max_length=10)]
    kind: Literal["cat", "dog"] = "cat"
    count: Annotated[int | None, Meta(description="How many.")] = None
    small: Annotated[int, Meta(ge=1, le=1_000)] = 1
    loss: float | None = None
    flag: bool = True
    shape: Annotated[list[Annotated[int, Meta(ge=0)]], Meta(max_length=3)] | None = None
    tags: list[Annotated[str, Meta(min_length=1)]] = field(default_factory=list)
    custom_metadata: dict[str, Any] = field(default_factory=dict)


class Item(Struct, forbid_unknown_fields=True):
    """One of many."""

    size: int


class Plan(Fields, kw_only=True, forbid_unknown_fields=True):
    """The fields, and items."""

    filename: str
    items: list[Item] = field(default_factory=list)


class Change(Struct, forbid_unknown_fields=True):
    """Fields that may be left out."""

    name: str | UnsetType = UNSET
    count: int | UnsetType | None = UNSET


class Echo(Struct, kw_only=True):
    """What arrived."""

    path: dict[str, str] = field(default_factory=dict)
    fields: Fields | None = None
    filename: str | None = None
    content_type: str | None = None
    size: int = 0
    accept: str | None = None


@operation(
    "GET",
    "/things/{owner}/{thing}",
    scope=None,
    query=Fields,
    answers={200: Echo},
    errors=(404,),
    into=OPERATIONS,
)
def get_thing(owner: str, thing: str, query: Fields, accept: str | None) -> Echo:
    """A thing; without `name` nothing.

    More about
    things.
    """
    return Echo(path={"owner": owner, "thing": thing}, fields=query, accept=accept)


@operation("GET", "/things", scope=None, answers={200: Echo}, into=OPERATIONS)
def list_things() -> Echo:
    """All things."""
    return Echo()


@operation(
    "POST",
    "/things",
    scope=None,
    json=Plan,
    form=Fields,
    file_field="file",
    answers={200: Echo | Item},
    into=OPERATIONS,
)
def post_thing(body: Plan | FormUpload[Fields]) -> Echo:
    """A new thing."""
    if isinstance(body, FormUpload):
        return Echo(
            fields=body.fields,
            filename=body.filename,
            content_type=body.content_type,
            size=len(body.data),
        )
    return Echo(fields=body)


@operation("PUT", "/things", scope=None, json=Change, answers={202: Echo}, errors=(409,), into=OPERATIONS)
def put_thing(body: Change) -> Answer:
    """Change a thing."""
    return Answer(202, Echo(), {"Retry-After": "3"})


@operation(
    "GET",
    "/things/{owner}/content",
    scope=None,
    answers={200: Content(("application/zip",), "Bytes."), 307: Redirect("Elsewhere.")},
    into=OPERATIONS,
)
def get_content(owner: str, accept: str | None) -> Answer:
    """Bytes or a redirect."""
    if wants_binary(accept):
        return Answer(200, b"\x00\xff" + owner.encode(), {"Content-Type": "application/zip"})
    return Answer(307, None, {"Location": "https://example.org/x"})


@operation("DELETE", "/things", scope=None, answers={204: None}, into=OPERATIONS)
def delete_things() -> Answer:
    """No things."""
    return Answer(204)


def make_app(*more: Operation) -> Weighthouse:
    """A fresh app with the operations above, and `more`."""
    app = Weighthouse(app_name="sample")
    app.register([*OPERATIONS, *more])
    return app


APP = make_app()

"""What users may store, and what a program that reads it carelessly takes for something else."""

from typing import Any

from chalicelib.settings import MIB

TEXTS = [
    "<Error>",
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code><Message>m</Message></Error>',
    "<ETag>x</ETag><Code>NoSuchKey</Code> & &lt; &#0; ]]> <![CDATA[ <!--",
    "<script>alert('1')</script><img src=x onerror=alert(1)>",
    '{"Error": {"Code": "SlowDown"}, "x": [1, null]} \\u0000 \\n',
    "'; DROP TABLE x; -- \" ` $(id) ${HOME} {{7*7}} {0} %s %(x)s",
    "a+b c%2Fd%20e%00%zz?q=1#frag&x;y",
    "one line\nand two\r\n\tthree \x1b[31m\x07\x7f\x00 end",
    "🦊 e\u0301 \u00e9 ß İ ﷽ \u200b\ufeff \ufffe \u202e",
    "  spaces  at  both  ends  ",
    "true",
]
"""Texts of every kind; the word `error` or another stands in most."""
NAMES = [
    "<Error>.bin",
    "<Error><Code>NoSuchKey</Code></Error>&amp;.txt",
    "<!DOCTYPE x [<!ENTITY e 'x'>]>&e;",
    "%2F/%00/%E2%82",
    "quote\"'`.json",
    "a+b c%2Fd%20e.txt",
    "a b+c%2fd e.txt",
    "?versionId=1#frag&x=y;z",
    "🦊/e\u0301 模型/ß.pt",
    '{"a": [1]}.json',
    "$(id) ${HOME} %s {0}.py",
    " space/ at /ends ",
    "-rf/--help/...",
    "~/*!'()@:,=.bin",
    f"{'long-<Error>-' * 8}/{'+%2F ' * 20}/{'é' * 100}",
]
"""Paths of every kind that a version may hold together."""


def contents() -> dict[str, bytes]:
    """Files of these names, of every kind of content; the first is large enough to be copied by parts."""
    documents = [text.encode(errors="surrogatepass") for text in TEXTS]
    large = (documents[1] * (6 * MIB // len(documents[1]) + 1))[: 6 * MIB]
    found = [large, *documents, b"\xff\xfe\x00<\x00E", b"", b"PK\x05\x06" + bytes(18)]
    return dict(zip(NAMES, found, strict=True))


def metadata(turn: int) -> dict[str, Any]:
    """Every text field with a text of its own; another `turn`, other texts."""

    def text(number: int, limit: int = 1_000) -> str:
        return TEXTS[(turn + number) % len(TEXTS)][:limit]

    return {
        "name": text(0, 256),
        "description": (text(1) + " ") * 40,
        "algorithm": text(2),
        "training_dataset": text(3),
        "python_version": text(4),
        "hardware_requirements": text(5),
        "dependencies": [one[:256] for one in TEXTS],
        "tags": ["<Error>", "<Code>", "a+b%2Fc #1", "🦊\u200b", "\"'`$(id){}", f"turn {turn}"],
        "custom_metadata": {one: {"nested": [one, {"<Error>": one}]} for one in TEXTS},
    }

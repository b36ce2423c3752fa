"""What an error quotes of a reply: no part of what was sent, and the rest of what Loops said."""

import sys
import unicodedata
from collections.abc import Callable
from types import FrameType
from typing import Any

import orjson
import pytest

from loops_async.api.contacts import UPDATE
from loops_async.pipeline.messages import Reply, Request
from loops_async.pipeline.redaction import redacted, redacted_excerpt

DIAGNOSIS, STREET, NAME = "HIV positive since March 2019", "Müller-Straße 12", "Ada King Lovelace"
LETTER = "Dear Mrs Lovelace, your contact at the clinic is Dr Quorn. " * 5
SENT = {
    "email": "ada.king@example.com", "userId": "u-881-2210", "diagnosis": DIAGNOSIS,
    "street": STREET, "fullName": NAME, "letter": LETTER, "city": "東京都千代田区丸の内一丁目",
}  # fmt: skip
REQUEST = Request(UPDATE, body=orjson.dumps({"properties": SENT}))
REPLY = Reply(400, {}, b"", "sk-live-9f8e7d6c5b4a")


def shown(said: str) -> str:
    return redacted(said, REPLY, REQUEST)


@pytest.mark.parametrize(("said", "expected"), [
    # Shortened, with an ellipsis or without.
    ("Value 'HIV positive since M...' is too long", "Value '…...' is too long"),
    ("Value HIV positive s… was refused", "Value …… was refused"),
    ("too long: HIV pos", "too long: …"),
    ('"HIV" is not a choice', '"…" is not a choice'),
    ("HIV... is not a choice", "…... is not a choice"),
    ("'H...9' is not a choice", "'…...…' is not a choice"),
    ("not a choice: ...2019", "not a choice: ...…"),
    ("HIV posi...h 2019 is unknown", "…...… is unknown"),
    ("bad value near 'itive since Mar'", "bad value near '…'"),
    ("unknown: positive since March", "unknown: …"),
    ("name (King) is not known", "name (…) is not known"),
    ("Dear Mrs Lovelace, your co... is too long", "…... is too long"),
    ("letter: your contact at the clinic", "letter: …"),
    ("letter ends in 'r Quorn.'", "letter ends in '….'"),
    ("no mailbox ada.king@exam…", "no mailbox …@…"),
    ("'ada…' is no address", "'…' is no address"),
    ("bad id u-881-...", "bad id …-..."),
    ("user u-881-22** unknown", "user …** unknown"),
    ("key sk-live-9f8e… is revoked", "key …… is revoked"),
    ("key sk-l**********5b4a is revoked", "key …**********… is revoked"),
    ("u-881-22... is not known", "…... is not known"),
    ("住所「東京都千代...」が不正です", "住所「…...」が不正です"),
    ("千代田区丸の内は不正です", "…は不正です"),
    # In another letter case or another form.
    ("HIV POSITIVE SINCE MARCH 2019", "…"),
    ("hIV Positive Since mARCH 2019", "…"),
    ("no choice hiv-positive-since-march-2019", "no choice …"),
    ("no choice hivPositiveSinceMarch2019", "no choice …"),
    ("no choice HIV_POSITIVE", "no choice …"),
    ("street MÜLLER-STRASSE unknown", "street … unknown"),
    ("street MULLER STRASSE unknown", "street … unknown"),
    ("street müller-straße unknown", "street … unknown"),
    (unicodedata.normalize("NFD", "street Müller-Straße unknown"), "street … unknown"),
    ("\uff28\uff29\uff36 \uff30\uff2f\uff33\uff29\uff34\uff29\uff36\uff25", "…"),
    ("ADA%20KING%20LOVEL...", "…..."),
    ("M\\U00FCLLER-STRASSE", "…"),
])  # fmt: skip
def test_a_shortened_or_changed_echo_is_not_quoted(said: str, expected: str) -> None:
    assert shown(said) == expected


@pytest.mark.parametrize("change", [
    str.upper, str.lower, str.title, str.swapcase, str.casefold,
    lambda text: unicodedata.normalize("NFD", text), lambda text: "".join(text.split()),
    lambda text: "_".join(text.split()),
])  # fmt: skip
@pytest.mark.parametrize("value", [DIAGNOSIS, STREET, NAME, SENT["email"], LETTER])
def test_no_beginning_middle_or_end_of_a_value_is_quoted(
    value: str, change: Callable[[str], str]
) -> None:
    # In the middle of a long value, twelve letters in a row are enough.
    for length in range(12 if value is not LETTER else 20, min(len(value), 60) + 1, 5):
        for start in range(0, len(value) - length + 1, 3):
            part = change(value[start : start + length])
            letters = [c for c in part if c.isalnum()]
            left = [c for c in shown(f"= {part} =") if c.isalnum()]
            assert len(letters) >= 8
            assert not left, (part, left)


@pytest.mark.parametrize("said", [
    "Property name must be a string in camelCase.",
    "Contact not found.",
    "Too many requests, please try again in a moment...",
    'Property "fullName" must be a number.',
    'Property "letter" is too long, and "street" and "city" are unknown.',
    "The address is not valid (see https://loops.so/docs/contacts/properties).",
    "Your contact is on the list.",
    "API key required.",
    "user_id is not a string.",
])  # fmt: skip
def test_what_loops_says_itself_stays(said: str) -> None:
    assert shown(said) == said


def test_names_in_json_stay() -> None:
    request = Request(UPDATE, body=orjson.dumps({"place": "Idaho", "n": "path/to"}))
    body = b'{"id": "Idaho"}'
    assert redacted_excerpt(Reply(400, {}, body), request) == '{"id": "…"}'


def test_a_short_value_in_chinese_is_found_between_other_words() -> None:
    request = Request(UPDATE, body=orjson.dumps({"firstName": "李明"}))
    assert redacted("用户李明不存在", REPLY, request) == "用户…不存在"


def steps(work: Callable[[], Any]) -> int:
    """How many instructions of the redaction module ``work`` executes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if event == "call":
            if not frame.f_code.co_filename.endswith("redaction.py"):
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


VALUES: dict[str, Any] = {
    "few": SENT,
    "one long": {"text": "lorem ipsum dolor sit amet " * 5000},
    "many": {f"p{n}": f"value number {n}" for n in range(2000)},
    "many long": {f"p{n}": f"{n} " + "lorem ipsum dolor " * 200 for n in range(2000)},
    "many alike": {f"p{n}": "a" * n for n in range(2000)},
    "an attachment": {"attachments": [{"data": "QUJD" * 2**20}]},
}
PAGES: dict[str, bytes] = {
    "page": b"<html><style>a{}</style>" + b"<p>Bad gateway, please wait</p>" * 400,
    "echo of many": b" ".join(b"value number %d" % n for n in range(700)),
    "echo of one": b"lorem ipsum dolor sit amet " * 400,
    "letters": b"a" * 10240,
    "escapes": b"%2525252561" * 1000,
    "entities": b"&amp;amp;" * 1200,
    "quotes": b"'a' " * 2600,
    "ellipses": b"a..." * 2600,
    "JSON": b'{"a": [' + b'"a\\"b", ' * 1200,
}


@pytest.mark.parametrize(("page", "values"), [
    *((page, "few") for page in PAGES), *(("page", values) for values in VALUES),
    ("echo of many", "many"), ("echo of one", "one long"), ("letters", "many alike"),
])  # fmt: skip
def test_the_work_for_a_page_is_bounded(page: str, values: str) -> None:
    request = Request(UPDATE, body=orjson.dumps(VALUES[values]))
    reply = Reply(502, {}, PAGES[page][:10240])
    # A simple instruction takes about 20 ns.
    assert steps(lambda: redacted_excerpt(reply, request)) < 3_000_000
    message = PAGES[page][:10240].decode()
    assert steps(lambda: redacted(message, reply, request)) < 3_000_000

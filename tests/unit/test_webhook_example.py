"""The check of a webhook's signature in docs/services.md, with vectors that others publish."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.examples import examples

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
ID, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Any:
    (code,) = [code for _, code in examples() if "is_from_loops" in code]
    names: dict[str, Any] = {}
    exec(compile(code, "services", "exec"), names)  # noqa: S102
    monkeypatch.setattr(time, "time", lambda: AT + 10.0)
    return names["is_from_loops"]


def headers(**changed: str) -> Mapping[str, str]:
    given = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}
    return {**given, **{f"webhook-{name}": value for name, value in changed.items()}}


def test_a_signature_of_standard_webhooks_is_good(check: Any) -> None:
    assert check(SECRET, headers(), BODY)
    assert check(SECRET, headers(signature=f"v1,YQ== v2,x {SIGNATURE}"), BODY)


@pytest.mark.parametrize(("secret", "given", "body"), [
    (SECRET, headers(), BODY + b" "),
    (SECRET, headers(id="msg_2"), BODY),
    (SECRET, headers(timestamp=str(AT + 1)), BODY),
    (SECRET, headers(timestamp=str(AT - 300)), BODY),
    (SECRET, headers(timestamp="yesterday"), BODY),
    (SECRET, headers(signature=""), BODY),
    (SECRET, headers(signature=SIGNATURE.removeprefix("v1,")), BODY),
    (SECRET, headers(signature="v1,é"), BODY),
    (SECRET, {}, BODY),
    ("whsec_AAAA", headers(), BODY),
    (
        "",
        headers(
            signature="v1,"
            + base64.b64encode(
                hmac.digest(b"", f"{ID}.{AT}.".encode() + BODY, hashlib.sha256)
            ).decode()
        ),
        BODY,
    ),
], ids=range(11))  # fmt: skip
def test_anything_else_is_not(
    check: Any, secret: str, given: Mapping[str, str], body: bytes
) -> None:
    assert not check(secret, given, body)

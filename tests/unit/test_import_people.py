"""Before anything is sent: nobody is merged with somebody else, or subscribed unasked."""

from pathlib import Path
from typing import Any

import pytest

from loops_async import LoopsClient
from loops_async.importer import ColumnsRefused, ImportOptions, import_file, validate_file
from loops_async.importer.consent import holds_refusals, parse_subscribed
from loops_async.importer.errors import ValueRefused
from loops_async.testing import ScriptedTransport, SentRequest, reply


def written(folder: Path, text: str) -> Path:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return path


def objection(folder: Path, text: str, **options: Any) -> str:
    report = validate_file(written(folder, text), ImportOptions(ignore_unknown=True, **options))
    return report.plan.objection or ""


async def sent(path: Path, **options: Any) -> list[dict[str, Any]]:
    def answer(request: SentRequest) -> Any:
        if request.method == "GET":
            return reply(200, [])
        return reply(200, {"success": True, "id": "c1"})

    transport = ScriptedTransport(answer)
    async with LoopsClient("test-key", transport=transport) as loops:
        await import_file(loops, path, ImportOptions(ignore_unknown=True, **options))
    return [r.json for r in transport.requests if isinstance(r.json, dict)]


# Shared ids.


@pytest.mark.parametrize("user_id", ["0", "guest", "#REF!", "unknown", "test", "1", "00000000"])
def test_an_id_of_different_people_stops_the_import(tmp_path: Path, user_id: str) -> None:
    rows = f"ada@x.co,{user_id}\ngrace@x.co,u2\nlin@x.co,{user_id}\n"
    found = objection(tmp_path, "email,user_id\n" + rows)
    assert "lines 2, 4 have one id" in found
    assert '--map "user_id="' in found
    assert "--shared-ids allow" in found
    assert "ada" not in found


def test_the_same_person_twice_shares_an_id_with_nobody(tmp_path: Path) -> None:
    rows = "ada@x.co,u1\nADA@x.co ,u1\n,u1\ngrace@x.co,u2\nlin@x.co,\nmia@x.co,\n"
    assert objection(tmp_path, "email,user_id\n" + rows) == ""


def test_many_shared_ids_are_counted_and_some_are_named(tmp_path: Path) -> None:
    rows = "".join(f"p{n}@x.co,u{n % 9}\n" for n in range(90))
    found = objection(tmp_path, "email,user_id\n" + rows)
    assert found.count("have one id") == 5
    assert "lines 2, 11, 20, 29, 38 and 5 more have one id" in found
    assert "… and 4 more ids" in found


async def test_shared_ids_are_merged_only_if_allowed(tmp_path: Path) -> None:
    path = written(tmp_path, "email,user_id\nada@x.co,u1\nlin@x.co,u1\n")
    with pytest.raises(ColumnsRefused, match=r"have one id[\s\S]*Nothing was sent"):
        await sent(path)
    assert len(await sent(path, shared_ids="allow")) == 2


@pytest.mark.parametrize(
    "user_id",
    ["7.21E+12", "7,21E+12", "1E+15", "101.0", "101,0", "-1.5E+20", "7.21e+12", "42.00", "+9E+9"],
)
def test_a_rounded_id_stops_the_import(tmp_path: Path, user_id: str) -> None:
    found = objection(tmp_path, f'email,user_id\nli@x.co,u1\nada@x.co,"{user_id}"\n')
    assert "1 id was rounded" in found
    assert "first on line 3" in found
    assert '--map "user_id="' in found
    left_out = objection(tmp_path, f'email,user_id\nada@x.co,"{user_id}"\n', mappings=("user_id=",))
    assert left_out == ""


@pytest.mark.parametrize("user_id", ["7e12", "1e5f", "101", "v1.0", "1.2.3", "12.5", "1E12"])
def test_ids_that_only_resemble_numbers_are_fine(tmp_path: Path, user_id: str) -> None:
    assert objection(tmp_path, f"email,user_id\nada@x.co,{user_id}\n") == ""


# Consent.

SAY_NO = [
    ("Email Marketing Consent", "UNSUBSCRIBED"),  # Klaviyo
    ("Email Marketing Consent", "NEVER_SUBSCRIBED"),
    ("Email Suppressions", '[""UNSUBSCRIBED""]'),
    ("Accepts Email Marketing", "no"),  # Shopify
    ("Accepts Marketing", "FALSE"),
    ("Marketing contact status", "Non-marketing contact"),  # HubSpot
    ("Unsubscribed from all email", "true"),
    ("unsubscribed", "true"),  # Customer.io
    ("unsubscribed_at", "2024-01-01"),
    ("email_disabled", "true"),  # Substack
    ("EMAIL_BLACKLISTED", "Yes"),  # Brevo
    ("UNSUB_TIME", "2024-01-01 10:00:00"),  # Mailchimp
    ("Status", "unsubscribed"),  # MailerLite, Kit
    ("Email subscriber status", "Unsubscribed"),  # Wix
    ("subscribed_to_emails", "false"),  # Ghost
    ("HasOptedOutOfEmail", "1"),  # Salesforce
    ("Email Opt Out", "true"),  # Zoho
    ("Newsletter", "Nein"),
    ("Einwilligung Newsletter", "nein"),
    ("GDPR consent", "withdrawn"),
    ("opt_in", "0"),
    ("Désabonné", "oui"),
    ("anything at all", "opted out"),
    ("Newsletter", "abgemeldet"),
    ("Newsletter", "ausstehend"),
    ("Newsletter", "kündigt"),  # a word that is not known
    ("Accepts Marketing", "maybe"),
]


@pytest.mark.parametrize(("column", "value"), SAY_NO)
def test_a_column_that_says_no_stops_the_import(tmp_path: Path, column: str, value: str) -> None:
    text = f'email,{column}\nli@x.co,\nada@x.co,"{value}"\n'
    found = objection(tmp_path, text)
    assert f'"{column}": 1 person, first on line 3' in found
    assert "--opted-out skip" in found
    assert objection(tmp_path, text, opted_out="send") == ""
    report = validate_file(
        written(tmp_path, text), ImportOptions(ignore_unknown=True, opted_out="skip")
    )
    assert (report.applied, report.skipped, report.plan.objection) == (1, 1, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Email Marketing Consent", "SUBSCRIBED"),
        ("Email Marketing Consent Timestamp", "2024-02-01 10:00:00+00:00"),
        ("Email Suppressions", "[]"),
        ("Accepts SMS Marketing", "no"),
        ("SMS Consent", "UNSUBSCRIBED"),
        ("active_subscription", "false"),  # Substack: pays for it
        ("Unsubscribe URL", "https://example.com/u/1"),
        ("unsubscribed", "false"),
        ("EMAIL_BLACKLISTED", "No"),
        ("OPTIN_TIME", "2024-01-17"),
        ("Subscription plan", "free"),
        ("Status", "active"),
        ("Newsletter", "2024-01-17 10:21"),
        ("Newsletter", "seit 17.1.2024"),
        ("Notes", "was unsubscribed by mistake, called her"),
        ("Nachname", "Nein"),
        ("Marketing contact status", "Marketing contact"),
    ],
)
def test_other_columns_and_answers_stop_nothing(tmp_path: Path, column: str, value: str) -> None:
    assert objection(tmp_path, f'email,{column}\nada@x.co,"{value}"\n') == ""


async def test_an_import_stops_before_anything_is_sent_and_skips_on_request(tmp_path: Path) -> None:
    path = written(tmp_path, "email,unsubscribed\nada@x.co,false\ngrace@x.co,true\n")
    with pytest.raises(
        ColumnsRefused, match=r"do not say yes for some people[\s\S]*Nothing was sent"
    ):
        await sent(path)
    assert await sent(path, opted_out="skip") == [{"email": "ada@x.co"}]


async def test_who_is_skipped_is_done_in_the_journal(tmp_path: Path) -> None:
    path = written(tmp_path, "email,unsubscribed\nada@x.co,false\ngrace@x.co,true\n")
    await sent(path, opted_out="skip")
    assert path.with_name("people.csv.journal").read_bytes().endswith(b"=1\n+0\n") or (
        path.with_name("people.csv.journal").read_bytes().endswith(b"+0\n=1\n")
    )
    assert await sent(path, opted_out="skip", resume=True) == []


async def test_a_column_of_refusals_can_be_sent_turned_round(tmp_path: Path) -> None:
    path = written(tmp_path, "email,Blacklisted\nada@x.co,No\ngrace@x.co,Yes\nlin@x.co,\n")
    assert await sent(path, mappings=("Blacklisted=!subscribed",)) == [
        {"email": "ada@x.co", "subscribed": True},
        {"email": "grace@x.co", "subscribed": False},
        {"email": "lin@x.co"},
    ]
    assert await sent(path, mappings=("Blacklisted=!subscribed",), resume=True) == []


async def test_a_consent_column_is_sent_in_its_own_words(tmp_path: Path) -> None:
    text = "email,Consent,Suppressions\na@x.co,SUBSCRIBED,[]\nb@x.co,NEVER_SUBSCRIBED,x\n"
    assert await sent(written(tmp_path, text), mappings=("Consent=subscribed",)) == [
        {"email": "a@x.co", "subscribed": True},
        {"email": "b@x.co", "subscribed": False},
    ]


def test_a_word_that_is_no_consent_rejects_its_row(tmp_path: Path) -> None:
    path = written(tmp_path, "email,Consent\na@x.co,perhaps\n")
    report = validate_file(path, ImportOptions(mappings=("Consent=subscribed",)))
    assert "is not a word for consent" in report.rejected.first[0][1]
    with pytest.raises(ValueRefused):
        parse_subscribed("perhaps")


def test_the_words_of_consent_and_of_refusal() -> None:
    assert parse_subscribed("WAHR")
    assert not parse_subscribed("Opted-Out")
    assert not parse_subscribed("2024-01-01", negated=True)
    assert parse_subscribed("never", negated=True)
    assert parse_subscribed(False, negated=True)
    assert holds_refusals("doNotEmail") is True
    assert holds_refusals("Opt-in") is False
    assert holds_refusals("city") is None

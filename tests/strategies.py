"""What Hypothesis draws: contacts, values of custom properties, and texts that must not leak."""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import strategies as st

from loops_async.records._types import UNSET, PropertyValue
from loops_async.records._validation import DEFAULT_FIELDS, RESERVED
from loops_async.records.contacts import ContactUpdate

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)

_OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC) | _OFFSETS)  # noqa: DTZ001
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))

JSON_SCALARS: st.SearchStrategy[str | int | float | bool | None] = st.one_of(
    st.none(),
    st.booleans(),
    TEXT,
    st.integers(-(2**80), 2**80),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=False, allow_infinity=False),
)
PROPERTY_VALUES: st.SearchStrategy[PropertyValue] = st.one_of(JSON_SCALARS, MOMENTS, DAYS)

_TAKEN = {*DEFAULT_FIELDS, *DEFAULT_FIELDS.values(), *RESERVED, "optInStatus"}
PROPERTY_NAMES = TEXT.filter(lambda name: name != "" and name not in _TAKEN)

# Few enough that rows of one contact are common, and each in more than one letter case.
_ADDRESSES = st.sampled_from(["a@x.io", "A@x.io", "a@X.IO", "b@x.io", "B@X.io", "c@x.io"])
_USER_IDS = st.sampled_from(["u1", "u2", "U1"])


@st.composite
def contacts_to_update(draw: st.DrawFn) -> ContactUpdate:
    """A row for a bulk run that has its contact in common with other rows more often than not."""
    which = draw(st.sampled_from(["email", "user_id", "both"]))
    return ContactUpdate(
        email=UNSET if which == "user_id" else draw(_ADDRESSES),
        user_id=UNSET if which == "email" else draw(_USER_IDS),
    )


# Values that nothing but an echo brings into a message, with all that gets encoded on its way.
_TROUBLE = "ab 9\"\\/<>&%+'=@;:,.?#[]{}éøü\N{GRINNING FACE}\n\t_-"
SECRET_VALUES = st.text(_TROUBLE, max_size=30).map(lambda tail: f"Zq-Vt{tail}Rm-Xw")
_ATEXT = "abcXYZ09!#$%&'*+/=?^_`{|}~-."
SECRET_ADDRESSES = st.builds(
    lambda local, domain: f"Zq{local}.Xw@{domain}.example",
    st.text(_ATEXT, max_size=20),
    st.text("abc09-é", min_size=1, max_size=10),
)

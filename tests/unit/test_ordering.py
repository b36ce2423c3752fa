import random
from typing import Any

from loops_async import ContactUpdate
from loops_async.bulk.ordering import ContactOrder, QueuedRow, ReadAhead, identity


class Line:
    """Rows in a line, by their index."""

    def __init__(self) -> None:
        self.order = ContactOrder()
        self.rows: list[QueuedRow] = []

    def admit(self, **fields: Any) -> bool:
        self.rows.append(QueuedRow(len(self.rows), ContactUpdate(**fields)))
        return self.order.add(self.rows[-1])

    def finish(self, index: int) -> list[int]:
        return [row.index for row in self.order.finish(self.rows[index])]


def test_rows_of_different_contacts_may_all_go_at_once() -> None:
    line = Line()
    assert line.admit(email="a@x.io")
    assert line.admit(email="b@x.io")
    assert line.admit(user_id="u1")
    assert line.admit(user_id="U1")
    assert line.admit(user_id="a@x.io")


def test_rows_of_one_contact_go_one_after_the_other_in_the_order_given() -> None:
    line = Line()
    assert line.admit(email="a@x.io")
    assert not line.admit(email="A@X.io")
    assert not line.admit(email="a@x.IO", user_id="u1")
    assert not line.admit(user_id="u1")
    assert [line.finish(index) for index in range(4)] == [[1], [2], [3], []]


def test_a_row_with_one_contacts_address_and_anothers_user_id_waits_for_both() -> None:
    line = Line()
    assert line.admit(email="a@x.io")
    assert line.admit(user_id="u1")
    assert not line.admit(email="a@x.io", user_id="u1")
    assert line.finish(1) == []
    assert line.finish(0) == [2]
    assert line.finish(2) == []


def test_a_row_that_follows_another_twice_waits_for_it_once() -> None:
    line = Line()
    assert line.admit(email="a@x.io", user_id="u1")
    assert not line.admit(email="a@x.io", user_id="u1")
    assert line.rows[1].blocked_by == 1
    assert line.finish(0) == [1]


def test_letter_case_is_folded_in_an_address_alone() -> None:
    assert identity(ContactUpdate(email="STRASSE@x.io")) == identity(
        ContactUpdate(email="straße@X.IO")
    )
    assert identity(ContactUpdate(user_id="U")) != identity(ContactUpdate(user_id="u"))
    assert identity(ContactUpdate(email="a@x.io", user_id=None)) == (("email", "a@x.io"),)
    assert identity(ContactUpdate(email="a@x.io", user_id="U")) == (
        ("email", "a@x.io"), ("user_id", "U"),
    )  # fmt: skip
    assert identity(ContactUpdate(user_id="U")) == (("user_id", "U"),)
    assert identity(None) == ()


def test_nothing_is_kept_of_a_contact_whose_rows_are_over() -> None:
    line, rng = Line(), random.Random(7)  # noqa: S311
    running: list[int] = []
    for index in range(500):
        if line.admit(email=f"{rng.choice('abcde')}@x.io", user_id=f"u{rng.randrange(5)}"):
            running.append(index)
        while running and rng.random() < 0.6:
            running += line.finish(running.pop(rng.randrange(len(running))))
    while running:
        running += line.finish(running.pop())
    assert line.order._last == {}
    assert line.admit(email="a@x.io", user_id="u1")


def test_how_many_wait_for_others_is_known() -> None:
    line = Line()
    for _ in range(3):
        line.admit(email="a@x.io")
    line.admit(email="b@x.io")
    assert line.order.blocked == 2
    line.finish(0)
    line.finish(3)
    assert line.order.blocked == 1
    line.finish(1)
    assert line.order.blocked == 0


def test_as_many_rows_are_held_ready_as_are_soon_done() -> None:
    ahead = ReadAhead(50)
    assert (ahead.room(0, 0), ahead.min_batch) == (62, 6)
    for rate, spare in ((10.0, 12), (24.0, 12), (60.0, 30), (1e6, 50), (0.1, 12)):
        ahead.adapt(rate)
        assert ahead.room(50, 50) == spare
        assert ahead.min_batch == spare // 2
    assert ReadAhead(1).room(0, 0) == 2


def test_outcomes_that_are_not_taken_leave_no_room() -> None:
    ahead = ReadAhead(10)
    assert (ahead.room(1, 30), ahead.limited_by_outcomes) == (10, True)
    assert (ahead.room(0, 40), ahead.limited_by_outcomes) == (0, True)
    assert (ahead.room(5, 30), ahead.limited_by_outcomes) == (7, False)

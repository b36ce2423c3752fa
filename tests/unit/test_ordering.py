import random
from typing import Any

from loops_async.ordering import ContactOrder, Job, identity
from loops_async.records import ContactUpdate


class Line:
    """Rows in a line, by their index."""

    def __init__(self) -> None:
        self.order = ContactOrder()
        self.jobs: list[Job] = []

    def admit(self, **fields: Any) -> bool:
        self.jobs.append(Job(len(self.jobs), ContactUpdate(**fields)))
        return self.order.admit(self.jobs[-1])

    def finish(self, index: int) -> list[int]:
        return [job.index for job in self.order.finish(self.jobs[index])]


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
    assert line.jobs[1].blockers == 1
    assert line.finish(0) == [1]


def test_letter_case_is_folded_in_an_address_alone() -> None:
    assert identity(ContactUpdate(email="STRASSE@x.io")) == identity(
        ContactUpdate(email="straße@X.IO")
    )
    assert identity(ContactUpdate(user_id="U")) != identity(ContactUpdate(user_id="u"))
    assert identity(ContactUpdate(email="a@x.io", user_id=None)) == [("email", "a@x.io")]
    assert identity(None) == []


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

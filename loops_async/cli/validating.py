"""What an import would make of a file, without sending any of it."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

import attrs

from loops_async.cli.assuming import assume_columns
from loops_async.cli.columns import Plan
from loops_async.cli.importing import Import
from loops_async.cli.options import Options, has_key
from loops_async.cli.progress import progress
from loops_async.cli.proposals import Proposal, adopt
from loops_async.cli.refusals import shown
from loops_async.cli.repeats import Repeats
from loops_async.cli.resubscribing import tell_resubscribing
from loops_async.cli.settling import draw_columns, make_properties, objection, tell_columns
from loops_async.cli.signals import stoppable
from loops_async.cli.source import Source, open_source
from loops_async.cli.survey import Survey, survey
from loops_async.cli.talking import Talk
from loops_async.cli.tally import MOST_REASONS, Setbacks, Tally, counted, tally_for
from loops_async.client import LoopsClient
from loops_async.pipeline.observing import LOG
from loops_async.settings import checked_dry_run

_QUIET: Final = logging.NullHandler()
"""Keeps a dry run's warning off the terminal, where it has been said in other words."""


def is_dry_run(options: Options) -> bool:
    """Whether an import shall send nothing.

    Raises:
        ConfigurationError: ``LOOPS_DRY_RUN`` is neither yes nor no.
    """
    return options.dry_run or checked_dry_run(None, has_transport=False)


def validate_file(options: Options, talk: Talk, *, offline: bool, every: bool) -> bool | None:
    """Tell what an import of a file would refuse.

    Args:
        options: Those of the import.
        talk: Takes what was found.
        offline: Do not ask Loops for its properties, even with a key.
        every: Name every rejected row.

    Returns:
        Whether every row would go in; None where the columns would stop the import.

    Raises:
        ImportRefused: The file or its columns cannot work at all.
        LoopsError: Loops could not be asked.
        Stopped: A signal ended it.
    """
    online = has_key(options.api_key) and not offline and not is_dry_run(options)
    tally = tally_for(as_json=talk.as_json)
    talk.document["account_asked"] = online
    with open_source(options.file) as source:
        found = survey(source)
        tally.total = found.rows + found.rejected
        if every:
            tally.rejected.most = tally.total
        work = _Validation(options, source, found, tally, talk)
        good = asyncio.run(work.run(online=online))
    talk.document |= {
        "rows": tally.total,
        "valid": tally.applied,
        "rejected": tally.rejected.count,
        "reasons": _reasons(tally.rejected),
        "same_contact": work.repeats.count,
    }
    talk.tell(
        f"{counted(tally.total, 'row')}: {tally.applied} valid, {tally.rejected.count} rejected"
    )
    for line in tally.rejected.lines(tally.total if every else MOST_REASONS):
        talk.tell(line)
    if repeated := str(work.repeats):
        talk.tell(repeated)
    if not online:
        how = "" if has_key(options.api_key) else " (it is where LOOPS_API_KEY is set)"
        talk.tell(
            f"Loops was not asked{how}: what only it can say, such as a property's type, is open."
        )
    return tally.complete if good else None


def rehearse_import(options: Options, talk: Talk) -> bool:
    """Do all that an import does but for sending and writing; whether every row would go.

    Raises:
        ImportRefused: The file or its columns cannot work.
        Stopped: A signal ended it.
    """
    talk.say("Dry run: nothing is sent, Loops is not asked for anything, and no file is written.")
    if options.resume:
        talk.say("The journal is not looked at: every row is judged.")
    tally = tally_for(as_json=talk.as_json)
    with open_source(options.file) as source:
        found = survey(source)
        tally.total = found.rows + found.rejected
        work = _Validation(options, source, found, tally, talk)
        asyncio.run(work.run(online=False))
    talk.document |= {
        **tally.document(),
        "dry_run": True,
        "would_send": work.would_send,
        "rejected_file": None,
        "resume": None,
    }
    went = ", ".join(f"{number} × {name}" for name, number in work.would_send.items())  # noqa: RUF001
    talk.tell(
        f"Dry run, nothing was sent. {counted(tally.total, 'row')}: "
        f"{tally.applied} would be sent, {tally.rejected.count} rejected"
    )
    for line in tally.rejected.lines():
        talk.tell(line)
    talk.tell(f"Would have gone: {went or 'nothing'}")
    return tally.complete


def columns_document(plan: Plan, new: Sequence[Proposal]) -> dict[str, object]:
    """Where the columns go, for scripts."""
    return {
        "columns": [
            {"column": p.column, "target": str(p.target), "type": p.target.type}
            for p in plan.columns
        ],
        "new_properties": [
            {"column": p.column, "property": p.key, "type": p.type, "remark": p.remark} for p in new
        ],
        "left_out": [*plan.left_out, *(unknown.column for unknown in plan.unknown)],
    }


@attrs.define
class _Validation:
    options: Options
    source: Source
    survey: Survey
    tally: Tally
    talk: Talk
    repeats: Repeats = attrs.field(factory=Repeats)
    would_send: dict[str, int] = attrs.field(factory=dict[str, int])

    async def run(self, *, online: bool) -> bool:
        """Judge every row; False where the columns would stop the import."""
        with stoppable() as stops:
            good = True
            if online:
                plan, new, good = await self._asked()
            else:
                plan, new = assume_columns(self.survey, self.options.choices, self.talk.say)
            self.talk.document |= columns_document(plan, new)
            tell_resubscribing(self.source, plan, self.talk)
            # The import itself, so that it cannot judge a row in another way.
            importing = Import(
                self.source,
                plan,
                self.tally,
                empty_as_null=self.options.empty_as_null,
                on_applied=self.repeats.note,
            )
            LOG.addHandler(_QUIET)
            # No key, for none is needed, and a wrong one is the online part's to find.
            async with LoopsClient("", base_url=self.options.base_url, dry_run=True) as loops:
                if self.options.create_properties:
                    await make_properties(loops, new, lambda _: None)
                stops.drain = partial(self._stop, importing)
                with progress(self.tally, "checking") as importing.update:
                    await importing.run(loops, concurrency=self.options.concurrency)
                self.would_send |= loops.stats().dry_run
        if stops.stopped is not None:
            raise stops.stopped
        return good

    async def _asked(self) -> tuple[Plan, tuple[Proposal, ...], bool]:
        """The plan as Loops' own properties have it, and whether an import would go on with it."""
        options, talk = self.options, self.talk
        async with LoopsClient(options.api_key, base_url=options.base_url, dry_run=False) as loops:
            plan, proposals = await draw_columns(loops, self.survey, options.choices)
        if problem := objection(plan, self.survey, proposals, options.choices):
            # The rows are judged all the same: who has to mend a file wants to know it all.
            talk.fail(problem)
            return adopt(plan, proposals), proposals, False
        new = proposals if options.create_properties else ()
        plan = adopt(plan, new)
        tell_columns(plan, self.survey, talk.say)
        for proposal in new:
            talk.say(
                f"import would make the {proposal.type} property {proposal.key} for "
                f"{shown(proposal.column)}"
            )
        return plan, new, True

    def _stop(self, importing: Import) -> None:
        importing.stop()


def _reasons(rejected: Setbacks) -> list[dict[str, object]]:
    return [{"line": line, "reason": reason} for line, reason in sorted(rejected.first)]

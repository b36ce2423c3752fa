"""An import from the file to the summary."""

import asyncio
import os
from functools import partial

import attrs

from loops_async.cli.columns import Plan
from loops_async.cli.header import Header
from loops_async.cli.importing import MOST_FAILURES, Import
from loops_async.cli.journal import Journal
from loops_async.cli.options import Options, needs_key
from loops_async.cli.places import places
from loops_async.cli.progress import progress, spelt
from loops_async.cli.refusals import ImportRefused, LoopsGone, shown
from loops_async.cli.rejects import Rejects
from loops_async.cli.resubscribing import tell_resubscribing
from loops_async.cli.resuming import (
    as_begun,
    begun,
    check_same,
    digest,
    has_changed,
    journal_of,
    planned,
    reopen_later_rows,
    stamp,
    take_up,
    team,
    written,
)
from loops_async.cli.settling import make_properties, settle_again, settle_columns
from loops_async.cli.signals import Stops, stoppable
from loops_async.cli.source import Source, open_source
from loops_async.cli.survey import Survey, survey
from loops_async.cli.talking import Talk
from loops_async.cli.tally import Tally, counted, tally_for
from loops_async.cli.validating import columns_document
from loops_async.client import LoopsClient
from loops_async.pacing.pacer import Pacer


def import_file(options: Options, talk: Talk) -> bool:
    """Import a file; whether every row of it went in.

    Args:
        options: What the user wants.
        talk: Takes what happens on the way and the result.

    Raises:
        ImportRefused: The file, its columns or its journal cannot work; nothing was sent.
        LoopsError: What stops the whole import, such as a wrong key.
        LoopsGone: Loops went away in the middle.
        Stopped: A signal ended it.
    """
    tally = tally_for(as_json=talk.as_json)
    if options.file == "-":
        # Nobody types a file to be told at its end that there is no key.
        _needs_key(options)
    with open_source(options.file) as source:
        before = None if options.beside("") is None else stamp(os.fstat(source.stream.fileno()))
        at, rejected = places(options, source)
        loops = _client(options, tally)
        with journal_of(options, at, source, talk.say) as journal:
            options = as_begun(options, journal, source, talk.say)
            found = survey(source)
            tally.total = found.rows + found.rejected
            rejects = None if rejected is None else Rejects(rejected, source)
            launch = _Launch(options, source, before, found, tally, journal, rejects, talk)
            try:
                asyncio.run(launch.run(loops))
            finally:
                if rejects is not None:
                    rejects.close()
    return tally.complete


@attrs.frozen
class _Launch:
    options: Options
    source: Source
    before: tuple[int, ...] | None
    survey: Survey
    tally: Tally
    journal: Journal | None
    rejects: Rejects | None
    talk: Talk

    async def run(self, loops: LoopsClient) -> None:
        async with loops:
            with stoppable() as stops:
                plan = await self._settled(loops)
                self._put_aside()
                importing = Import(
                    self.source,
                    plan,
                    self.tally,
                    empty_as_null=self.options.empty_as_null,
                    journal=self.journal,
                    rejects=self.rejects,
                )
                stops.drain = partial(self._drain, importing, stops)
                importing.on_gone = partial(self._gone, importing)
                await self._import(importing, loops)
        if stops.stopped is not None:
            raise stops.stopped
        if importing.gone is not None:
            raise LoopsGone(f"the import stopped because Loops went away: {importing.gone}")

    async def _import(self, importing: Import, loops: LoopsClient) -> None:
        try:
            with progress(self.tally) as importing.update:
                await importing.run(loops, concurrency=self.options.concurrency)
        except ImportRefused as error:
            # The file changed under our eyes, or the disk is full; the rows before are sent.
            self.tally.cut_short = True
            self.talk.fail(str(error))
        finally:
            self._report(importing)

    def _report(self, importing: Import) -> None:
        talk, journal, rejects = self.talk, self.journal, self.rejects
        changed = self._changed()
        over = changed or journal is None or journal.complete
        resume = None if over else self.options.going_on
        there = rejects is not None and rejects.is_there
        talk.document |= {
            **self.tally.document(),
            "dry_run": False,
            "would_send": {},
            "rejected_file": rejects.path if rejects is not None and there else None,
            "resume": resume,
        }
        talk.tell(self.tally.summary(resumable=journal is not None))
        if overtaken := str(importing.undoing):
            talk.tell(overtaken)
        if rejects is not None and there:
            talk.tell(
                f"The rejected rows are in {rejects.name}. Once they are mended, import them:"
            )
            talk.tell(f"  {self.options.importing(rejects.path)}")
        elif rejects is None and self.tally.rejected.count:
            talk.tell("The rejected rows were not kept; --rejected PATH keeps them.")
        if changed:
            self._warn_of_change()
        if resume is not None:
            talk.say(f"Go on with: {resume}")

    def _warn_of_change(self) -> None:
        self.tally.cut_short = True
        problem = (
            f"{self.source.name}: changed while it was imported, so nobody knows which of its rows "
            "went in as they are now; import all of them again, with --restart"
        )
        self.talk.warn(problem)
        self.talk.error = self.talk.error or problem

    def _changed(self) -> bool:
        if self.journal is None or self.journal.header is None or self.before is None:
            return False
        sha256 = self.journal.header.sha256
        return has_changed(self.options.file, self.source, self.before, sha256)

    async def _settled(self, loops: LoopsClient) -> Plan:
        """Where the columns go, as it was when the import began or from now on."""
        choices, journal = self.options.choices, self.journal
        now = Header(
            sha256=digest(self.source),
            rows=self.tally.total,
            team=team(self.options),
            settings=self.options.settings,
            plan=[],
        )
        header = begun(journal, now, self.talk.say) if self.options.resume else None
        if journal is not None and header is not None:
            check_same(header, now, self.source, journal, self.options)
            plan = planned(header)
            missing = await settle_again(loops, plan, choices, self.talk.say)
            reopen_later_rows(self.source, plan, journal, empty_as_null=self.options.empty_as_null)
            take_up(journal, self.tally)
            self.talk.say(f"Going on: {self.tally.before} of {self.tally.total} rows are done.")
        else:
            plan, missing = await settle_columns(loops, self.survey, choices, self.talk.say)
            if journal is not None:
                # Before anything is made at Loops: a resumed import has to know what for.
                journal.begin(attrs.evolve(now, plan=written(plan)))
        self.talk.document |= columns_document(plan, missing)
        tell_resubscribing(self.source, plan, self.talk, journal)
        await make_properties(loops, missing, self.talk.say)
        return plan

    def _put_aside(self) -> None:
        mark = self.journal.mark if self.journal is not None else None
        if self.rejects is not None and (kept := self.rejects.begin(mark)):
            self.talk.say(
                f"{self.rejects.name} was there already; it is kept as {shown(kept, len(kept))}."
            )

    def _drain(self, importing: Import, stops: Stops) -> None:
        left = importing.stop()
        rate = self.tally.rate
        time = f", about {spelt(left / rate)}" if left and rate > 0 else ""
        self.talk.say(f"Finishing {counted(left, 'row')} under way{time}; {stops.again}.")

    def _gone(self, importing: Import) -> None:
        self.talk.say(
            f"{MOST_FAILURES} rows have failed one after the other, through no fault of theirs: "
            f"reading no more, and finishing {counted(importing.stop(), 'row')} under way."
        )


def _needs_key(options: Options) -> None:
    needs_key(options.api_key, "or send nothing, with --dry-run or LOOPS_DRY_RUN=1")


def _client(options: Options, tally: Tally) -> LoopsClient:
    """A client that sends nothing yet; it says what is wrong with a key before rows are read."""
    _needs_key(options)
    return LoopsClient(
        options.api_key,
        base_url=options.base_url,
        pacer=Pacer(options.rate, max_rate=options.rate) if options.rate else None,
        on_attempt=tally.watch,
        dry_run=False,
    )

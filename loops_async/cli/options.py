"""What the user typed behind ``loops-async import``, and what to type to go on."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self, cast

import attrs

from loops_async.cli.settling import Choices
from loops_async.errors import ConfigurationError

CONCURRENCY: Final = 50
"""Rows in flight unless the user says otherwise."""


@attrs.frozen
class Options:
    """The options of one import.

    Attributes:
        file: The file's name, or ``-``.
        mappings: The values of ``--map``.
        create_properties: Make the properties that Loops does not have yet.
        ignore_unknown: Leave out the columns that Loops does not know.
        empty_as_null: Empty a property at Loops where a cell is empty.
        api_key: The key; None to take it from the environment.
        base_url: Loops' address; None to take it from the environment, or its own.
        rate: Requests per second at the most; None for what Loops takes.
        concurrency: Rows in flight at the most.
        resume: Go on where an import of this file ended.
        restart: Forget an import of this file that was not finished.
        journal: Where the journal is; None for beside the file.
        rejected: Where rejected rows go; None for beside the file.
        dry_run: Send nothing and write nothing.
    """

    file: str
    mappings: tuple[str, ...] = ()
    create_properties: bool = False
    ignore_unknown: bool = False
    empty_as_null: bool = False
    api_key: str | None = attrs.field(default=None, repr=False)
    base_url: str | None = None
    rate: float | None = None
    concurrency: int = CONCURRENCY
    resume: bool = False
    restart: bool = False
    journal: str | None = None
    rejected: str | None = None
    dry_run: bool = False

    @property
    def choices(self) -> Choices:
        """What is said about the columns."""
        return Choices(
            mappings=self.mappings,
            empty_as_null=self.empty_as_null,
            create_properties=self.create_properties,
            ignore_unknown=self.ignore_unknown,
        )

    @property
    def settings(self) -> dict[str, object]:
        """The options that change what is sent, as a journal keeps them."""
        return {
            "--map": sorted(self.mappings),
            "--create-properties": self.create_properties,
            "--ignore-unknown": self.ignore_unknown,
            "--empty-as-null": self.empty_as_null,
        }

    def as_begun(self, settings: Mapping[str, object]) -> Self:
        """These options with ``settings``, those of a journal, in place of their own."""
        mappings = settings.get("--map")
        if not isinstance(mappings, list):
            mappings = []
        return attrs.evolve(
            self,
            mappings=tuple(str(mapping) for mapping in cast(list[object], mappings)),
            create_properties=settings.get("--create-properties") is True,
            ignore_unknown=settings.get("--ignore-unknown") is True,
            empty_as_null=settings.get("--empty-as-null") is True,
        )

    def beside(self, ending: str) -> str | None:
        """The file's name with ``ending``; None for standard input, a pipe and the like."""
        # With the input redirected, /dev/stdin is an ordinary file; but nothing goes beside it.
        is_device = Path(self.file).absolute().parts[1:2] in {("dev",), ("proc",)}
        is_file = self.file != "-" and Path(self.file).is_file() and not is_device
        return self.file + ending if is_file else None

    @property
    def going_on(self) -> str:
        """The command that goes on with this import. The key is not in it."""
        more = {"--journal": self.journal, "--rejected": self.rejected}
        return self._command(self.file, more, ["--resume"])

    def importing(self, file: str) -> str:
        """The command that imports another file with the same options, without the key."""
        return self._command(file, {}, [])

    def _command(self, name: str, more: Mapping[str, str | None], last: list[str]) -> str:
        words = ["loops-async", "import", *(f"--map={mapping}" for mapping in self.mappings)]
        flags = {
            "--create-properties": self.create_properties,
            "--ignore-unknown": self.ignore_unknown,
            "--empty-as-null": self.empty_as_null,
        }
        words += [flag for flag, given in flags.items() if given]
        given: dict[str, object] = {
            "--base-url": self.base_url,
            "--rate": self.rate,
            "--concurrency": None if self.concurrency == CONCURRENCY else self.concurrency,
            **more,
        }
        words += [f"{name}={value}" for name, value in given.items() if value is not None]
        file = ["--", name] if name.startswith("-") and name != "-" else [name]
        return shlex.join([*words, *last, *file])


def has_key(api_key: str | None) -> bool:
    """Whether a key was given, as an option or in the environment."""
    return bool(os.environ.get("LOOPS_API_KEY") if api_key is None else api_key)


def needs_key(api_key: str | None, otherwise: str) -> None:
    """Refuse to go on without a key; ``otherwise`` is the way without one.

    Raises:
        ConfigurationError: There is none.
    """
    if not has_key(api_key):
        raise ConfigurationError(
            "no API key: set LOOPS_API_KEY (keys are made in Loops under Settings → API), or pass "
            f"--api-key; {otherwise}"
        )

from loops_async.importer.errors import (
    ColumnsRefused as ColumnsRefused,
)
from loops_async.importer.errors import (
    FileRefused as FileRefused,
)
from loops_async.importer.errors import (
    ImportRefused as ImportRefused,
)
from loops_async.importer.errors import (
    UnfinishedImport as UnfinishedImport,
)
from loops_async.importer.events import (
    ColumnsPlanned as ColumnsPlanned,
)
from loops_async.importer.events import (
    ImportEvent as ImportEvent,
)
from loops_async.importer.events import (
    ImportFinished as ImportFinished,
)
from loops_async.importer.events import (
    ImportNotice as ImportNotice,
)
from loops_async.importer.events import (
    ImportProgress as ImportProgress,
)
from loops_async.importer.events import (
    ImportStarted as ImportStarted,
)
from loops_async.importer.events import (
    ImportStopping as ImportStopping,
)
from loops_async.importer.events import (
    OptionsRestored as OptionsRestored,
)
from loops_async.importer.events import (
    PropertyCreated as PropertyCreated,
)
from loops_async.importer.importer import import_file as import_file
from loops_async.importer.mapping import Account as Account
from loops_async.importer.mapping import load_account as load_account
from loops_async.importer.options import ImportOptions as ImportOptions
from loops_async.importer.planning import ImportPlan as ImportPlan
from loops_async.importer.planning import NewProperty as NewProperty
from loops_async.importer.reading import InputFile as InputFile
from loops_async.importer.reading import open_input as open_input
from loops_async.importer.report import ImportReport as ImportReport
from loops_async.importer.report import RowProblems as RowProblems
from loops_async.importer.validation import validate_file as validate_file

from loops_async.pipeline.messages import Reply as Reply
from loops_async.testing.fixture_client import FixtureClient as FixtureClient
from loops_async.testing.scripted import QUICK_RETRIES as QUICK_RETRIES
from loops_async.testing.scripted import ScriptedTransport as ScriptedTransport
from loops_async.testing.scripted import SentRequest as SentRequest
from loops_async.testing.scripted import reply as reply
from loops_async.testing.threaded import ThreadedSandbox as ThreadedSandbox

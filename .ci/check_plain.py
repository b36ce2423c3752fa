"""Say whether the package works for who installed it without any extra; run it there."""

import importlib
import importlib.util
import subprocess
import sys
from importlib.metadata import entry_points


def problems() -> list[str]:
    """What is wrong with the installation that runs this."""
    found = [
        f"comes along without being asked for: {name}"
        for name in ("click", "rich", "redis", "pytest")
        if importlib.util.find_spec(name) is not None
    ]
    import loops_async  # noqa: PLC0415

    if {"aiohttp", "attrs", "orjson"} & set(sys.modules):
        found.append("import loops_async imports its dependencies")
    for name in loops_async.__all__:
        getattr(loops_async, name)
    for name in ("opentelemetry", "prometheus"):
        try:
            importlib.import_module(f"loops_async.contrib.{name}")
        except loops_async.MissingExtra as error:
            if f"pip install 'loops-async[{name}]'" not in str(error):
                found.append(f"contrib.{name} does not say which extra it needs: {error}")
        else:
            found.append(f"contrib.{name} works without its extra")
    said = subprocess.run(
        [sys.executable, "-m", "loops_async"], capture_output=True, text=True, check=False
    )
    if said.returncode != 1 or "pip install 'loops-async[cli]'" not in said.stderr:
        found.append(f"the command line does not say which extra it needs: {said.stderr}")
    plugins = [point.value for point in entry_points(group="pytest11", name="loops_async")]
    if plugins != ["loops_async.testing.plugin"]:
        found.append(f"pytest finds no plugin, or another: {plugins}")
    return found + _plugin_problems()


def _plugin_problems() -> list[str]:
    # In every run of pytest the plugin is imported, so it must import next to nothing itself.
    code = (
        "import sys, types; pytest = sys.modules['pytest'] = types.ModuleType('pytest')\n"
        "pytest.fixture = lambda function: function\n"
        "pytest.MonkeyPatch = object\n"
        "import loops_async.testing.plugin\n"
        "sys.exit(bool({'aiohttp', 'attrs', 'orjson'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603
    return ["the pytest plugin imports aiohttp, or does not import"] if done.returncode else []


if __name__ == "__main__":
    wrong = problems()
    print("\n".join(wrong) or "without extras: works, and says what the rest needs")
    sys.exit(bool(wrong))

"""Say whether a wheel holds what users need, and nothing that they do not."""

import sys
import zipfile

NEEDED = {
    "loops_async/__init__.py",
    "loops_async/__init__.pyi",
    "loops_async/py.typed",
    "loops_async/cli/sample/contacts.csv",
    "loops_async/contrib/redis/reserve.lua",
    "loops_async/sandbox/server.py",
    "loops_async/testing/__init__.pyi",
}


def problems(names: set[str]) -> list[str]:
    """What is wrong with a wheel of these files."""
    missing = [f"is missing: {name}" for name in sorted(NEEDED - names)]
    strange = [
        f"should not be in it: {name}"
        for name in sorted(names)
        if not name.startswith(("loops_async/", "loops_async-"))
    ]
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        missing.append("is missing: the licence")
    return missing + strange


if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        found = problems(set(wheel.namelist()))
    print("\n".join(found) or f"{sys.argv[1].rpartition('/')[2]}: complete")
    sys.exit(bool(found))

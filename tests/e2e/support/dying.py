"""A server that dies by `kill -9` at exactly one write of its store: see die_at.c."""

import pathlib
import signal
import subprocess

SOURCE = pathlib.Path(__file__).with_name("die_at.c")


def built(folder):
    """Compiles what is preloaded."""
    library = pathlib.Path(folder) / "die_at.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE, "-ldl"], check=True, timeout=60)
    return library


class Dying:
    """How one server dies. Until it is told to, it doesn't."""

    def __init__(self, folder, library):
        self.file = pathlib.Path(folder) / "armed"
        self.settings = {"LD_PRELOAD": str(library), "DIE_AT_ARMED": str(self.file)}

    def after(self, commit=1):
        """From now on: when so many commits are made."""
        self.arm(f"{commit} a")

    def before(self, commit=1):
        """From now on: when that commit is about to be made."""
        self.arm(f"{commit} b")

    def arm(self, words):
        whole = self.file.with_suffix(".new")
        whole.write_text(words)
        whole.rename(self.file)  # Read whole or not at all.

    def disarm(self):
        self.file.unlink(missing_ok=True)


def dead(shop, seconds=20):
    """Waits until the server is dead, and says whether it was killed."""
    try:
        return shop.process.wait(timeout=seconds) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        return False

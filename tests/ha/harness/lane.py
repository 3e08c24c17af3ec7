"""Where the real Home Assistants live that `setup` made, and how each is started."""

import dataclasses
import os
import pathlib
import shutil
import tempfile


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("HEATBRIDGE_CACHE") or pathlib.Path(base, "heatbridge"))


@dataclasses.dataclass(frozen=True)
class Lane:
    name: str
    discovery: str              # what heatbridge must be told for this version
    modern: bool                # device discovery, spoken set-points, HTTP settings that want a confirmation

    @property
    def root(self):
        return cache() / self.name

    @property
    def ready(self):
        return (self.root / "complete").exists()


class VenvLane(Lane):
    def make_home(self):
        return pathlib.Path(tempfile.mkdtemp(prefix="heatbridge-ha-"))

    def argv(self, home):
        return [self.root / "bin/python", "-m", "homeassistant", "--skip-pip", "-c", home]


class ChrootLane(Lane):
    """Needs root, or a kernel that lets a user become root in a namespace of its own, which Debian's does."""

    def make_home(self):
        return pathlib.Path(tempfile.mkdtemp(prefix="ha-", dir=self.root / "srv/homes"))

    def argv(self, home):
        become_root = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
        return ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root", *become_root,
                "chroot", self.root, "/opt/ha/bin/python", "-m", "homeassistant", "--skip-pip",
                "-c", "/" + str(home.relative_to(self.root))]


LANES = {
    "py311": VenvLane("py311", discovery="single", modern=False),
    "current": ChrootLane("current", discovery="device", modern=True),
}


def remove_home(home):
    shutil.rmtree(home, ignore_errors=True)

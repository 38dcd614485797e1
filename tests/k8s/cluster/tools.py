"""The programs of `make k8s-check`, built once from their Go modules into the user's cache."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KUBERNETES = "v1.36.3"
STAGING = KUBERNETES.replace("v1.", "v0.")  # of the modules that live in its tree: k8s.io/api and thirty more
VERSION = [f"-X k8s.io/{of}/version.gitVersion={KUBERNETES}" for of in ("component-base", "client-go/pkg")]

COMMANDS = {"promtool": "prometheus", "openssl": "openssl", "setpriv": "util-linux"}


class Missing(Exception):
    """Says what is not here, and how to get it."""


@dataclass(frozen=True)
class Program:
    module: str
    version: str
    package: str

    @property
    def name(self) -> str:
        return "etcd" if self.module.startswith("go.etcd.io") else self.package.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """Another version is another folder."""
        return folder() / f"{self.module.replace('/', '+')}@{self.version}" / self.name


PROGRAMS = {
    program.name: program
    for program in (
        Program("github.com/yannh/kubeconform", "v0.8.0", "github.com/yannh/kubeconform/cmd/kubeconform"),
        Program("github.com/zegl/kube-score", "v1.20.0", "github.com/zegl/kube-score/cmd/kube-score"),
        Program("k8s.io/kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kubectl"),
        Program("k8s.io/kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kube-apiserver"),
        Program("go.etcd.io/etcd/server/v3", "v3.6.8", "go.etcd.io/etcd/server/v3"),
        Program("k8s.io/kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kube-controller-manager"),
        Program("k8s.io/kubernetes", KUBERNETES, "k8s.io/kubernetes/cmd/kube-scheduler"),
        Program("sigs.k8s.io/kwok", "v0.8.0", "sigs.k8s.io/kwok/cmd/kwok"),
    )
}


def folder() -> Path:
    """Some 10 GB while they are built; K8S_CHECK_CACHE puts it elsewhere."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("K8S_CHECK_CACHE") or cache / "csp-sentinel" / "k8s-check")


def build() -> None:
    """Whatever is not there yet, with a line for each; raises Missing."""
    wanted = [program for program in PROGRAMS.values() if not program.path.exists()]
    if wanted and shutil.which("go") is None:
        raise Missing("the programs are built with Go 1.26 or newer, and there is no go here (https://go.dev/dl)")
    for command, package in COMMANDS.items():
        if shutil.which(command) is None:
            raise Missing(f"{command} is not here; Debian has it in the package {package}")
    for number, program in enumerate(wanted, 1):
        print(f"building {program.name} {program.version} ({number} of {len(wanted)})", end=" ", flush=True)
        began = time.monotonic()
        _build(program)
        print(f"{time.monotonic() - began:.0f} s", flush=True)


def _build(program: Program) -> None:
    at = program.path.parent
    at.mkdir(parents=True, exist_ok=True)
    (at / "go.mod").write_text(_module_around(program))
    new = at / f"{program.name}.new"
    flags = ["-mod=mod", "-trimpath", "-p=2", f"-ldflags=-s -w {' '.join(VERSION)}", "-o", str(new)]
    _go("build", *flags, program.package, cwd=at)
    new.rename(program.path)  # cut short, it is built again


def _module_around(program: Program) -> str:
    """A module that requires the program's, with the published versions of what it has beside it in its own tree.

    `go install` refuses a module whose go.mod replaces others by folders, as those of Kubernetes and etcd do.
    """
    module = f"{program.module}@{program.version}"
    its = json.loads(_go("mod", "edit", "-json", download(module)["GoMod"]))
    lines = ["module csp-sentinel.invalid/tools", f"go {its['Go']}", f"require {program.module} {program.version}"]
    unpublished = {wanted["Path"] for wanted in its["Require"] if wanted["Version"] == "v0.0.0"}
    lines += [f"replace {path} => {path} {STAGING}" for path in sorted(unpublished)]
    return "\n".join([*lines, ""])


def download(module: str) -> dict[str, Any]:
    """What Go tells of a `path@version` it has fetched, and checked against the public checksum database."""
    found: dict[str, Any] = json.loads(_go("mod", "download", "-json", module))
    return found


def _go(*arguments: str, cwd: Path | None = None) -> str:
    at = folder()
    at.mkdir(parents=True, exist_ok=True)
    # A cache of its own, so that removing the folder removes everything.
    env = os.environ | {"GOMODCACHE": f"{at}/modules", "GOCACHE": f"{at}/objects", "GOWORK": "off"}
    env["GOFLAGS"] = "-modcacherw"  # without it even its owner can't remove the folder
    done = subprocess.run(["go", *arguments], cwd=cwd or at, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"go {' '.join(arguments)}:\n{done.stderr[-3000:]}{done.stdout[-1000:]}")
    return done.stdout


if __name__ == "__main__":
    build()

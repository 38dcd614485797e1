"""What the pods tell the program: settings it has, with values it takes, and secrets only by reference."""

import argparse
import contextlib
import io
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from sentinel.command_line import parser
from sentinel.names import PREFIX
from sentinel.settings import Settings, WrongSetting, read
from tests.k8s.objects import OPERATIONS, Object, Pods, find, pods
from tests.k8s.rules.pods import amount

IMAGE = "csp-sentinel"
# The settings of the ports that each command listens on.
LISTENS = {
    "ingest": {"http": "port", OPERATIONS: "ops_port"},
    "console": {"http": "console_port", OPERATIONS: "ops_port"},
    "process": {OPERATIONS: "ops_port"},
    "alerts": {OPERATIONS: "ops_port"},
    "init": {},
}
HOSTS = {"port": "host", "console_port": "console_host", "ops_port": "ops_host"}
END_SECONDS = 12  # what any command takes at most to end (sentinel/commands.py)
# In place of a Secret's value, where a token of letters would not do.
STAND_INS = {
    f"{PREFIX}WEBHOOKS": "https://hooks.example/alert",
    f"{PREFIX}OIDC_ISSUER": "https://login.example",
    f"{PREFIX}LOG": "kafka://kafka:9092/csp-violations",
    f"{PREFIX}STORE": "clickhouse://clickhouse:8123/csp",
}


class Program(NamedTuple):
    """A container that runs ours, and the environment it gets."""

    made: Pods
    container: Object
    environ: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.made.name}, container {self.container['name']}"

    @property
    def arguments(self) -> list[str]:
        return [*self.container.get("command", ["csp-sentinel"])[1:], *self.container.get("args", [])]

    def settings(self) -> Settings:
        """Raises WrongSetting, and ValueError for a command line that the program does not take."""
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                flags = vars(_parser().parse_args(self.arguments))
        except SystemExit:
            raise ValueError(said.getvalue().strip().rpartition("\n")[2]) from None
        return read(self.environ, None, flags).settings


@cache
def _parser() -> argparse.ArgumentParser:
    return parser()


def programs(objects: list[Object]) -> list[Program]:
    return [
        Program(made, container, _environ(objects, made, container))
        for made in pods(objects)
        for container in made.containers()
        if re.split("[:@]", container.get("image", "").rpartition("/")[2])[0] == IMAGE
    ]


def _environ(objects: list[Object], made: Pods, container: Object) -> dict[str, str]:
    """As the kubelet makes it, with a stand-in for what is secret."""
    environ: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if config_map := find(objects, "ConfigMap", source.get("configMapRef", {}).get("name"), made.namespace):
            environ |= {f"{source.get('prefix', '')}{name}": text for name, text in config_map["data"].items()}
    for variable in container.get("env", []):
        name = variable.get("name", "")
        if "valueFrom" in variable:
            environ[name] = _from_elsewhere(objects, name, variable["valueFrom"], made.namespace)
        else:
            text = str(variable.get("value", ""))
            environ[name] = re.sub(r"\$\((\w+)\)", lambda found: environ.get(found[1], found[0]), text)
    return environ


def _from_elsewhere(objects: list[Object], name: str, source: Any, where: str) -> str:
    if reference := source.get("configMapKeyRef"):
        config_map = find(objects, "ConfigMap", reference["name"], where) or {"data": {}}
        return str(config_map["data"].get(reference["key"], ""))
    return STAND_INS.get(name, f"stand-in-for-{name.lower()}")


def settled(objects: list[Object]) -> list[tuple[Program, Settings]]:
    """Of those that have settings: the others are told of by `settings_are_right`."""
    found = []
    for program in programs(objects):
        with contextlib.suppress(WrongSetting, ValueError):
            found.append((program, program.settings()))
    return found


def settings_are_right(objects: list[Object]) -> Iterator[str]:
    """The program itself reads the command and the variables: a name that it doesn't know stops it at the start."""
    for program in programs(objects):
        try:
            program.settings()
        except (WrongSetting, ValueError) as error:
            yield f"{program.name}: {error}"


def variables_are_defined_before_they_are_used(objects: list[Object]) -> Iterator[str]:
    """The kubelet leaves `$(NAME)` as it is where NAME comes later, or never."""
    for program in programs(objects):
        for name, text in program.environ.items():
            for left in re.findall(r"\$\((\w+)\)", text):
                yield f"{program.name}: {name} uses {left}, which is not defined before it"


def declared_ports_are_those_listened_on(objects: list[Object]) -> Iterator[str]:
    for program, settings in settled(objects):
        fields = LISTENS.get(program.arguments[0], {})
        listens = {name: getattr(settings, field) for name, field in fields.items()}
        declares = {port.get("name"): port["containerPort"] for port in program.container.get("ports", [])}
        if listens != declares:
            yield f"{program.name}: declares {declares}, listens on {listens}"
        for field in fields.values():
            if (host := getattr(settings, HOSTS[field])) != "0.0.0.0":
                yield f"{program.name}: {HOSTS[field]} is {host}, which nobody outside the pod reaches"


def services_set_no_setting(objects: list[Object]) -> Iterator[str]:
    """A Service `sentinel` sets SENTINEL_PORT in every pod of its namespace that takes service links."""
    for made in pods(objects):
        if made.spec.get("enableServiceLinks") is not False:
            yield f"{made.name}: takes service links, which may set settings"


def the_spool_fits_its_volume(objects: list[Object]) -> Iterator[str]:
    """Full, it answers 503; over the volume's limit the pod is evicted, and the spool is gone with it."""
    for program, settings in settled(objects):
        if program.arguments[0] != "ingest":
            continue
        mounts = {
            mount["name"]
            for mount in program.container.get("volumeMounts", [])
            if settings.data_dir.is_relative_to(mount["mountPath"]) and not mount.get("readOnly")
        }
        volumes = [volume for volume in program.made.spec.get("volumes", []) if volume["name"] in mounts]
        if not volumes:
            yield f"{program.name}: nothing to write to is mounted at {settings.data_dir}"
        for volume in volumes:
            limit = amount((volume.get("emptyDir") or {}).get("sizeLimit", "0"))
            if settings.workers * settings.spool_max_bytes > limit:
                yield f"{program.name}: its spool may outgrow the volume {volume['name']}"


def pods_have_time_to_end(objects: list[Object]) -> Iterator[str]:
    """For the preStop hook, and then for the program, whose collector ships its spool first."""
    for program, settings in settled(objects):
        sleeps = program.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        ships = settings.stop_seconds if program.arguments[0] == "ingest" else 0
        grace = program.made.spec.get("terminationGracePeriodSeconds", 30)
        if grace < sleeps + ships + END_SECONDS:
            yield f"{program.name}: is killed after {grace} s, and needs {sleeps} + {ships} + {END_SECONDS}"

"""The users, topics and databases of the stages' URLs are the same everywhere, and may what the stages do."""

from collections.abc import Iterator

from sentinel.settings import Settings
from tests.k8s.objects import Object, of, says
from tests.k8s.rules.settings import settled

Right = tuple[str, str, str]  # topic or group, its name, an operation


def stages_share_their_places(objects: list[Object]) -> Iterator[str]:
    """One topic, group, database and cluster: reports in another are stored by nobody, or seen by nobody."""
    logs = {(its.topic, its.group) for _, settings in settled(objects) if (its := settings.log)}
    stores = {(its.database, its.cluster) for _, settings in settled(objects) if (its := settings.store)}
    for what, found in (("topics and groups", logs), ("databases and clusters", stores)):
        if len(found) > 1:
            yield f"the stages have several {what}: {sorted(found, key=str)}"


def kafkas_users_may_do_their_work(objects: list[Object]) -> Iterator[str]:
    users = {made["metadata"]["name"]: _rights(made) for made in of(objects, "KafkaUser")}
    for program, settings in settled(objects):
        if settings.log is not None and settings.log.user in users:
            for kind, name, operation in sorted(_needed(program.arguments[0], settings) - users[settings.log.user]):
                yield f"{program.name}: {settings.log.user} may not {operation} the {kind} {name}"


def only_collectors_write_to_the_topic(objects: list[Object]) -> Iterator[str]:
    """Whoever may is trusted with the processors' memory."""
    writers = {its.log.user for program, its in settled(objects) if its.log and program.arguments[0] == "ingest"}
    topics = {its.log.topic for _, its in settled(objects) if its.log}
    for made in of(objects, "KafkaUser"):
        writes = {name for _, name, operation in _rights(made) if operation in {"Write", "All"}}
        if writers and writes & topics and made["metadata"]["name"] not in writers:
            yield f"{says(made)} may write to {', '.join(sorted(writes & topics))}"


def _rights(user: Object) -> set[Right]:
    return {
        (acl["resource"]["type"], acl["resource"].get("name", ""), operation)
        for acl in user["spec"].get("authorization", {}).get("acls", [])
        if acl.get("type", "allow") == "allow"
        for operation in acl.get("operations", [])
    }


def _needed(command: str, settings: Settings) -> set[Right]:
    place = settings.log
    assert place is not None
    topic, dead, group = ("topic", place.topic), ("topic", place.dead_topic), ("group", place.group)
    reads = {(*topic, "Describe"), (*topic, "Read"), (*group, "Describe")}
    return {
        "ingest": {(*topic, "Describe"), (*topic, "Write")},
        "process": reads | {(*group, "Read"), (*dead, "Describe"), (*dead, "Write")},
        "init": {(*its, operation) for its in (topic, dead) for operation in ("Describe", "DescribeConfigs")},
    }.get(command, reads)


def clickhouses_users_may_use_the_database(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "ClickHouseInstallation"):
        users = made["spec"].get("configuration", {}).get("users", {})
        for program, settings in settled(objects):
            if (place := settings.store) is None:
                continue
            grants = users.get(f"{place.user}/grants/query", [])
            wanted = "CREATE TABLE" if program.arguments[0] == "init" else "INSERT"
            if not any(wanted in grant and grant.endswith(f" ON {place.database}.*") for grant in grants):
                yield f"{program.name}: {place.user} may not {wanted} in {place.database}"

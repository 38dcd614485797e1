"""On a cluster the same statements make tables on each shard and tables over all of them."""

import re

import pytest

from schema.by_now import each
from schema.clickhouse import Engine
from schema.cluster import on_cluster
from schema.migration_files import formed
from schema.places import ClickHousePlace
from schema.shape import wanted

PLACE = ClickHousePlace(host="", database="reports", cluster="main-1.x")
FORMED = [statement for migration in wanted(PLACE, 90) for statement in migration.statements]
TABLES = [statement for statement in FORMED if re.search("ENGINE = (?!Distributed)", statement)]
SPANNING = [statement for statement in FORMED if "ENGINE = Distributed" in statement]
VIEWS = [statement for statement in FORMED if statement.startswith("CREATE MATERIALIZED VIEW")]
ALTERED = [statement for statement in FORMED if statement.startswith("ALTER")]
SET = [statement for statement in ALTERED if "MODIFY SETTING" in statement]
FILLS = [statement for statement in FORMED if statement.startswith(("INSERT", "TRUNCATE"))]
QUERIES = [statement for statement in ALTERED if " MODIFY QUERY\n" in statement]
COLUMNS = [statement for statement in ALTERED if " COLUMN " in statement]
INDEXES = [statement for statement in ALTERED if " INDEX " in statement]
NAMES = {name for statement in TABLES for name in re.findall(r"^CREATE TABLE `reports`\.(\w+)_local ", statement)}


def titled(statement: str) -> str:
    what = re.search(r" (?:COLUMN|\w+ INDEX) (?:IF (?:NOT )?EXISTS )?\w+", statement)
    return f"{statement.split(maxsplit=1)[0]} {named(statement)}{what[0] if what else ''}"


def named(statement: str) -> str:
    return re.findall(r"(?:TABLE|VIEW|INTO) (?:`reports`\.)?(\w+)", statement)[0]


def inside(pattern: str, statement: str) -> list[str]:
    """The words inside the brackets behind `pattern`, or the one word."""
    found = re.search(rf"{pattern} ?(?:\(([^)]*)\)|(\w+))", statement)
    return [part.strip() for part in (found[1] or found[2]).split(",")] if found else []


@pytest.mark.parametrize("statement", FORMED, ids=titled)
def test_every_statement_is_one_that_clickhouse_reads(store: Engine, statement: str):
    read = store.client().query("SELECT formatQuery({sql:String})", parameters={"sql": statement}).result_rows[0][0]
    assert "ON CLUSTER `main-1.x`" in read or statement.startswith("INSERT INTO `reports`.")


def test_every_statement_of_the_files_has_a_form():
    assert len(set(TABLES)) == len(TABLES)
    assert len(TABLES) + len(SPANNING) + len(VIEWS) + len(ALTERED) + len(FILLS) == len(FORMED)
    assert len(SET) + len(COLUMNS) + len(INDEXES) + len(QUERIES) == len(ALTERED)
    given = [statement for migration in formed(90) for statement in migration.statements]
    assert {named(statement) for statement in given} <= NAMES | {named(view).removesuffix("_local") for view in VIEWS}
    assert len(VIEWS) == sum(statement.startswith("CREATE MATERIALIZED VIEW") for statement in given)


def test_a_statement_of_a_new_kind_needs_a_form_first():
    with pytest.raises(ValueError, match="ALTER TABLE violations ADD CONSTRAINT"):
        on_cluster("ALTER TABLE violations ADD CONSTRAINT a CHECK reports > 0", "main", "reports")


def test_an_index_is_of_the_tables_of_rows_only():
    assert INDEXES
    assert {named(statement) for statement in INDEXES} == {"violations_local", "weeks_local"}


def test_a_column_changes_on_the_shards_first_and_then_in_the_table_over_them():
    pairs = list(zip(COLUMNS[::2], COLUMNS[1::2], strict=True))
    assert pairs
    for local, spanning in pairs:
        assert named(local) == f"{named(spanning)}_local"
        for one, other in zip(each(local), each(spanning), strict=True):
            its, over = (statement.partition(" COLUMN ")[2].partition(" CODEC(") for statement in (one, other))
            assert its[0] == over[0]
            assert not over[1]  # nothing is kept there


@pytest.mark.parametrize("statement", TABLES, ids=titled)
def test_every_table_of_rows_is_replicated_at_a_path_of_its_own(statement: str):
    name = named(statement)
    engine = re.search(r"ENGINE = Replicated(?:Aggregating|Replacing)?MergeTree\('([^']*)', '([^']*)'", statement)
    assert engine
    assert engine[1] == f"/clickhouse/tables/main-1.x/{{shard}}/reports/{name}"
    assert engine[2] == "{replica}"
    assert name.endswith("_local")


@pytest.mark.parametrize("statement", TABLES, ids=titled)
def test_what_a_table_does_with_its_rows_is_the_same(statement: str):
    """Only the engine, its memory of inserts and the place differ from the statement of the files."""
    name = named(statement).removesuffix("_local")
    [given] = [
        one for migration in formed(90) for one in migration.statements if one.startswith(f"CREATE TABLE {name}\n")
    ]
    back = (
        statement.replace("`reports`.", "")
        .replace("_local ON CLUSTER 'main-1.x'", "")
        .replace("ENGINE = Replicated", "ENGINE = ")
    )
    back = re.sub(r"\('/clickhouse[^']*', '\{replica\}'(?:, )?", "(", back).replace("MergeTree()", "MergeTree")
    back = re.sub(r"replicated_deduplication_window = \d+, replicated_deduplication_window_seconds = \d+", "W", back)
    assert back == re.sub(r"non_replicated_deduplication_window = \d+", "W", given)


def test_repeats_are_known_for_ten_thousand_inserts_and_a_week():
    """ClickHouse's own week has become an hour."""
    remembering = [statement for statement in SET if "deduplication" in statement]
    for statement in (*TABLES, *remembering):
        if named(statement) not in {"migrations_local", "starts_local"}:  # nobody repeats those
            assert "replicated_deduplication_window = 10000" in statement
            assert "replicated_deduplication_window_seconds = 604800" in statement
    assert not [statement for statement in FORMED if "non_replicated" in statement]


def test_every_table_of_rows_has_one_that_spans_the_shards():
    assert {named(statement) for statement in SPANNING} == NAMES
    for statement in SPANNING:
        name = named(statement)
        assert statement.startswith(f"CREATE TABLE `reports`.{name} ON CLUSTER 'main-1.x' AS `reports`.{name}_local\n")
        assert f"Distributed('main-1.x', 'reports', '{name}_local', cityHash64(" in statement


@pytest.mark.parametrize("statement", SPANNING, ids=titled)
def test_what_folds_together_is_on_one_shard(statement: str):
    """Rows fold when their whole key is equal: then so is every part of it that they are spread by."""
    name = named(statement)
    [local] = [table for table in TABLES if named(table) == f"{name}_local"]
    spread_by = inside("cityHash64", statement)
    assert set(spread_by) <= set(inside("ORDER BY", local))
    assert (spread_by == ["fingerprint"]) == ("fingerprint" in inside("ORDER BY", local))


def test_violations_and_their_examples_are_spread_by_fingerprint():
    spread = {named(statement): inside("cityHash64", statement) for statement in SPANNING}
    assert spread["violations"] == spread["examples"] == ["fingerprint"]


def test_a_view_with_another_query_stays_on_its_shard():
    for statement in QUERIES:
        assert statement.startswith(f"ALTER TABLE `reports`.{named(statement)} ON CLUSTER 'main-1.x' MODIFY QUERY\n")
        assert named(statement) in {named(view) for view in VIEWS}
        assert re.findall(r"\bFROM (\S+)", statement) == ["`reports`.violations_local"]


@pytest.mark.parametrize("statement", VIEWS, ids=titled)
def test_a_view_stays_on_its_shard(statement: str):
    assert named(statement).endswith("_local")
    [target, source] = re.findall(r"\b(?:FROM|TO|JOIN) (\S+)", statement)
    assert source in {"`reports`.violations_local", "`reports`.ledger_local"}
    assert target in {f"`reports`.{name}_local" for name in NAMES}
    assert not re.findall(r"\w+\s*\(\s*SELECT|IN \(", statement)  # nothing is read but what comes in


def test_a_view_is_the_same_for_every_replica_that_ever_joins():
    """Its UUID is part of what its inserts are remembered by, and a repeat may go to another replica."""
    ids = [re.findall(r"UUID '([0-9a-f-]{36})'", view)[0] for view in VIEWS]
    assert len(set(ids)) == len(VIEWS)
    again = [on for migration in wanted(PLACE, 30) for on in migration.statements if "UUID" in on]
    assert [re.findall(r"UUID '(\S+)'", view)[0] for view in again] == ids
    other = wanted(ClickHousePlace(host="", database="other", cluster=PLACE.cluster), 90)
    assert not [statement for migration in other for statement in migration.statements if ids[0] in statement]

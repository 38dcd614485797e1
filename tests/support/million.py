"""A million sources in the table, as a flood or years of use leave them there."""

from clickhouse_connect.driver.client import Client


def million(
    client: Client, site: str, *, arrived: str = "now64(3, 'UTC')", reports: int = 9, many: int = 1_000_000
) -> None:
    """`arrived` is an expression of SQL."""
    client.command(
        f"""
        INSERT INTO sources (site, effective_directive, blocked, blocked_kind, noise, first_seen, last_seen, reports,
            pages, browsers, arrived, last_arrived, credible, sound, sound_worth, some_browsers, other_browsers,
            least_sender, most_sender)
        SELECT {{site:String}}, 'script-src-elem', concat('h', toString(number), '.example'), 'url', '',
            {arrived}, {arrived}, {reports}, arrayReduce('uniqCombinedState(12)', ['p']), ['Chrome'],
            {arrived}, {arrived}, {reports}, {reports}, {reports} * 100, 1, 1, 1, 2
        FROM numbers({many})
        """,
        parameters={"site": site},
    )

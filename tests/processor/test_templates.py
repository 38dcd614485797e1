"""Templates of URLs: what is replaced, what stays, and how few there are of many."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor import templates
from processor.templates import TEMPLATE_BYTES, template, template_of_path
from processor.tokens import STATIC
from processor.urls import read_url
from tests.processor.test_urls import URLISH
from tests.support.secrets import UUIDS

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
SEGMENTS = st.lists(
    st.sampled_from(["order", "1234", "a1b2c3d4", "{n}", "{id}", "app.3f2a9c8e.js", "-", ".", "/", "2024-05-17", "Ab",
                     "%D0", "x"]), max_size=12,
).map("".join)  # fmt: skip


@pytest.mark.parametrize(
    "path, made",
    [
        ("/order/1234/pay", "/order/{n}/pay"),
        ("/u/123e4567-e89b-12d3-a456-426614174000", "/u/{id}"),
        ("/u/507f1f77bcf86cd799439011/edit", "/u/{id}/edit"),
        ("/watch/dQw4w9WgXcQ", "/watch/{id}"),
        ("/watch/x_9-aQzB1_c", "/watch/{id}"),
        ("/item-12345-red-shoes", "/item-{n}-red-shoes"),
        ("/id1234567", "/id{n}"),
        ("/blog/2024/05/17/title", "/blog/{n}/{n}/{n}/title"),
        ("/blog/2024-05-17/title", "/blog/{date}/title"),
        ("/static/app.3f2a9c8e.js", "/static/app.{hash}.js"),
        ("/static/app.3f2a9c8e.js.map", "/static/app.{hash}.js.map"),
        ("/assets/main-BxYz12aQ.css", "/assets/main-{hash}.css"),
        ("/assets/index-B_x9-aQz.js", "/assets/index-{hash}.js"),
        ("/vendor~abc123def.chunk.js", "/vendor~{hash}.chunk.js"),
        ("/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.js", "/{hash}.js"),
        ("/img/photo-1024x768.jpg", "/img/photo-{n}x{n}.jpg"),
        ("/reset/{token}/form", "/reset/{token}/form"),
        ("/cart;jsessionid={token}/17", "/cart;jsessionid={token}/{n}"),
        ("/watch?v=dQw4w9WgXcQ&page=3", "/watch?v={id}&page={n}"),
    ],
)
def test_what_varies_is_replaced(path, made):
    assert template(f"https://shop7.example:8443{path}") == f"https://shop7.example:8443{made}"


WORDS = """
    / /cart /Products/SummerShoes /en-US/docs/Web/HTML5 /api/v2/users /npm/bootstrap@5.3.0/dist/css/bootstrap.min.css
    /jquery-3.6.0.min.js /mp3/h264/utf8/3d/Win32 /img/logo@2x.png /getElementById /DataTables/jquery.dataTables.min.js
    /m/moment-with-locales.min.js /js/XMLHttpRequest.js /%D0%BF%D1%80 /größe
"""


@pytest.mark.parametrize("path", WORDS.split())
def test_words_and_versions_stay(path):
    assert template("https://shop.example" + path) == "https://shop.example" + path


@pytest.mark.parametrize(
    "text", ["inline", "eval", "data", "blob:https://shop1.example", "about:blank", "", "wasm-eval"]
)
def test_what_is_no_url_is_its_own_template(text):
    assert template(text) == text


@pytest.mark.parametrize(
    "text, made",
    [("localhost:8080/x/12", "localhost:8080/x/{n}"), ("www2.shop.example/a/12", "www2.shop.example/a/{n}"),
     ("chrome-extension://abcdef12345/x/12", "chrome-extension://abcdef12345/x/{n}")],
)  # fmt: skip
def test_the_origin_is_kept(text, made):
    assert template(text) == made


def test_ten_thousand_urls_of_three_kinds_are_a_handful_of_templates():
    urls = [f"/order/{1_000_000 + number}/pay" for number in range(3400)]
    urls += ["/reset/" + secrets.token_urlsafe(32) for _ in range(3300)]
    urls += [f"/static/app.{secrets.token_hex(4)}.js" for _ in range(3300)]
    found = {template(read_url("https://shop.example" + url).text) for url in urls}
    assert {
        f"https://shop.example{url}" for url in ("/order/{n}/pay", "/reset/{token}", "/static/app.{hash}.js")
    } <= found
    assert len(found) < 12


@given(UUIDS, st.integers(0, 10**12))
def test_any_uuid_and_any_number_is_replaced(name, number):
    assert template(f"https://shop.example/u/{name}/{number}") == "https://shop.example/u/{id}/{n}"


@settings(max_examples=300)
@given(ANY_TEXT | URLISH | SEGMENTS.map("https://shop.example/".__add__))
def test_a_template_is_bounded_and_its_own_template(text):
    stored = read_url(text).text
    made = template(stored)
    assert len(made.encode()) <= TEMPLATE_BYTES
    assert template(made) == made


def test_a_long_url_has_a_bounded_template():
    assert len(template("https://shop.example/" + "12/ab" * 10_000)) <= TEMPLATE_BYTES


@given(st.from_regex(r"[0-9]{1,30}", fullmatch=True), st.sampled_from(sorted(STATIC)))
def test_a_numbered_file_is_the_same_whether_or_not_it_is_looked_at_closely(number, ending):
    name = f"{number}.{ending}"
    assert template_of_path(f"/p/{name}") == f"/p/{templates._read_segment(name)}" == f"/p/{{n}}.{ending}"


def test_few_segments_are_remembered_and_no_long_ones():
    before = templates._known.cache_info().currsize
    template_of_path("/" + "a1" * 40)
    assert templates._known.cache_info().currsize == before
    for number in range(5000):
        template_of_path(f"/v{number}b")
    assert templates._known.cache_info().currsize == templates._known.cache_info().maxsize == 4096

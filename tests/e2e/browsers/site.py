"""The servers that browsers visit: the pages of the table, and whatever those pages ask for."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.e2e.browsers import table
from tests.e2e.browsers.table import PAGES, Visit

HOSTS = ("shop.example", "cdn.example", "img.example", "other.example")
# On one line, because an act's line is the number that browsers report.
_OWN = """<!doctype html><meta charset=utf-8><title>{name}</title>{meta}{body}<script nonce=page>\
var seen = [], wait = [], finished = false; \
document.addEventListener("securitypolicyviolation", (its) => \
seen.push(`${its.effectiveDirective} ${its.blockedURI} ${its.sample}`)); \
const blob = (text, type) => URL.createObjectURL(new Blob([text], {type})); \
const make = (name, fields) => Object.assign(document.createElement(name), fields); \
const attempt = (act) => { try { act() } catch {} }; \
const started = (start) => wait.push(new Promise((done) => \
{ const its = start(), told = its.port ?? its; its.onerror = told.onmessage = done })); \
addEventListener("load", () => setTimeout(() => \
Promise.allSettled(wait.map((its) => Promise.resolve(its))).then(() => finished = true))); \
</script>"""
_TYPES = {"js": "text/javascript", "css": "text/css", "png": "image/gif", "html": "text/html"}
_TEXTS = {
    "imports.js": 'wait.push(import("https://cdn.example/imported.js"))',
    "imports.css": '@import "https://cdn.example/imported.css";',
    "worker.js": "postMessage(1)",
    "shared.js": "onconnect = (its) => its.ports[0].postMessage(1)",
    "violates.js": 'try { eval("1") } catch {}\n'
    'try { importScripts("https://cdn.example/imported.js") } catch {}\n'
    'fetch("https://cdn.example/fetch").catch(() => 0).then(() => postMessage(1))',
}


async def site(scope: Scope, receive: Receive, send: Send) -> None:
    """Every host at once: a page is at /<site label>/<mode>/<name>."""
    await _answer(Request(scope, receive))(scope, receive, send)


def _answer(request: Request) -> Response:
    *folder, name = request.url.path.strip("/").split("/")
    if len(folder) == 2 and name in PAGES:
        return _page(name, _visit(*folder))
    if name == "redirect":
        return Response(status_code=302, headers={"location": request.query_params["to"], "cache-control": "no-store"})
    if name == "referring":
        return Response("<script>location = 'referred?token=3#part'</script>", media_type="text/html")
    headers = {"access-control-allow-origin": "*", "cache-control": "no-store"}
    if name == "violates.js":
        (act,) = PAGES["worker"]["act"]
        headers |= table.reporting(_visit(*folder), act["policy"])
    return Response(_TEXTS.get(name, ""), headers=headers, media_type=_TYPES.get(name.rsplit(".")[-1], "text/plain"))


def _visit(label: str, mode: str) -> Visit:
    return Visit(*label.split("-", 1), mode)


def _page(name: str, visit: Visit) -> Response:
    page = PAGES[name]
    meta = f'<meta http-equiv=content-security-policy content="{page.get("meta")}{table.tail(visit)}">'
    own = _OWN.replace("{name}", name).replace("{meta}", meta if "meta" in page else "")
    own = own.replace("{body}", "" if "head" in page else "<body>")
    lines = [own, *(act["html"] for act in page.get("act", ())), page.get("body", "")]
    text = "\n".join(lines).replace("LABEL", visit.label).replace("MODE", visit.mode)
    return Response(text, page.get("status", 200), table.headers(page, visit), "text/html")

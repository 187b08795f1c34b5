"""What a browser makes of policies: headless Chromium runs pages that a files route sends, whose scripts ask and write what they
see into the document."""
import base64
import json
import re

import pytest

from lab.chromium import Chromium
from lab.web import SHOP, Web, route

TEXT = "the quick brown fox jumps over the lazy dog\n" * 3000
SORRY = "<!doctype html><title>${status}</title><p>We are back soon (${reason})."
# Every answer is asked for at once, one behind the other: what is dumped is the document behind the last.
ASK = """
const seen = {};
function ask(name, url, fields = {}, credentials = false) {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.withCredentials = credentials;
  for (const [field, value] of Object.entries(fields)) request.setRequestHeader(field, value);
  try {
    request.send();
    seen[name] = {status: request.status, text: request.responseText.slice(0, 200), size: request.responseText.length,
                  coding: request.getResponseHeader("content-encoding"), told: request.getResponseHeader("x-told")};
  } catch (error) {
    seen[name] = {error: error.name};
  }
}
"""
TELL = '\ndocument.body.innerHTML += "<pre>" + btoa(JSON.stringify(seen)) + "</pre>";\n'
STRICT = ASK + 'ask("text", "text.txt"); ask("other", "https://blog.example/open/x");' + TELL
FREE = ASK + """
ask("broken", "/broken/x");
ask("open", "https://blog.example/open/x", {"X-Own": "1"}, true);
ask("unnamed", "https://blog.example/open/x", {"X-Other": "1"});
ask("closed", "https://blog.example/closed/x");
""" + TELL


def page(script):
    return f"<!doctype html><body><script>document.body.dataset.inline = 'ran'</script><script src='{script}'></script>"


def policed(document, folder):
    files = {"files": {"root": str(folder), "prefix": "/"}}
    cors = {"origins": ["https://shop.example"], "headers": ["X-Own"], "expose": ["X-Told"], "credentials": True}
    (folder / "sorry.html").write_text(SORRY)
    document["pools"].append({"name": "nobody", "backends": [{"address": f"{SHOP[4]}:9"}], "health": {"type": "none"}})
    shop = next(s for s in document["services"] if s["name"] == "shop")
    shop["routes"] = [
        {"name": "strict", "match": {"host": "shop.example", "path": "/strict/"}, "security_headers": "strict", "compress": {}, **files},
        {"name": "free", "match": {"host": "shop.example", "path": "/free/"}, **files},
        {"name": "open", "match": {"host": "blog.example", "path": "/open/"}, "respond": {"body": "open"}, "cors": cors,
         "response_headers": {"set": ["X-Told: yes"]}},
        {"name": "closed", "match": {"host": "blog.example", "path": "/closed/"}, "respond": {"body": "closed"}},
        route("broken", "/broken/", "nobody", "shop.example",
              error_pages=[{"status": [502, 503, 504], "file": str(folder / "sorry.html")}]), *shop["routes"]]


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    for name, text in {"strict.html": page("strict.js"), "strict.js": STRICT, "free.html": page("free.js"), "free.js": FREE,
                       "text.txt": TEXT}.items():
        (folder / name).write_text(text)
    with Web(change=lambda document: policed(document, folder)) as running:
        running.browser = Chromium(running.site, running.authority)
        yield running


def seen(web, path):
    """What the page's script saw, and whether its inline script ran."""
    document = web.browser.page(f"https://shop.example{path}")
    told = re.search(r"<pre>([A-Za-z0-9+/=]+)</pre>", document)
    assert told, document
    return json.loads(base64.b64decode(told[1])), 'data-inline="ran"' in document


def test_compressed_text_is_read_and_strict_headers_are_kept(web):
    answers, inline = seen(web, "/strict/strict.html")
    assert not inline, "its policy allows no script that stands in the page"
    assert answers["text"]["size"] == len(TEXT) and answers["text"]["coding"] in ("br", "zstd", "gzip")
    assert answers["other"] == {"error": "NetworkError"}, "nor questions to others"


def test_pages_of_other_sites_read_what_cors_lets_them(web):
    answers, inline = seen(web, "/free/free.html")
    assert inline
    assert (answers["open"]["status"], answers["open"]["text"], answers["open"]["told"]) == (200, "open", "yes")
    assert answers["unnamed"] == answers["closed"] == {"error": "NetworkError"}
    assert web.logged(path="/open/x", method="OPTIONS", service="shop")


def test_a_page_of_the_sites_own_tells_of_a_failure(web):
    answers, _ = seen(web, "/free/free.html")
    assert answers["broken"]["status"] in (502, 503) and "We are back soon (connect" in answers["broken"]["text"], answers["broken"]

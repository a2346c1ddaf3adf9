from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from triggers.content.inline import _INLINER, inline_css
from triggers.exceptions import RenderError


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address on this machine, and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"p{color:red}")

        def log_message(self, *args: object) -> None:
            """Keep the output of the tests clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_rules_move_into_elements_and_media_queries_stay() -> None:
    html = "<style>p{color:red} @media (max-width:600px){p{color:blue}}</style><!--[if mso]>x<![endif]--><p>a</p>"
    result = inline_css(html)
    assert '<p style="color: red;">a</p>' in result
    assert "@media (max-width:600px){p{color:blue}}" in result
    assert "<!--[if mso]>x<![endif]-->" in result


@pytest.mark.parametrize(
    "html",
    [
        "<link rel=stylesheet href='{url}/a.css'><p>a",
        "<LINK rel='stylesheet' href='{url}/a.css'><p>a",
        "<link rel=stylesheet href='{file}'><p>a",
        "<link rel=stylesheet href='file://{file}'><p>a",
    ],
)
def test_other_style_sheets_are_refused(html: str, listener: tuple[str, list[str]], tmp_path: Path) -> None:
    sheet = tmp_path / "a.css"
    sheet.write_text("p{color:secret}")
    url, asked = listener
    html = html.format(url=url, file=sheet)
    with pytest.raises(RenderError, match="other files"):
        inline_css(html)
    # Even if one came through, the inliner itself would not look.
    assert "secret" not in _INLINER.inline(html)
    assert asked == []


@pytest.mark.parametrize(
    "html",
    [
        "<style>@import url({url}/a.css); p{{color:red}}</style><p>a",
        "<style>@import '{url}/a.css';</style><p>a",
        "<style>p{{background:url({url}/a.png)}} @font-face{{src:url({url}/a.woff)}}</style><p>a",
        "<img src='{url}/a.png'><p style='background:url({url}/b.png)'>",
        "<!DOCTYPE html SYSTEM '{url}/a.dtd' [<!ENTITY x SYSTEM '{url}/b'>]><p>&x;",
        "<?xml-stylesheet href='{url}/a.css'?><p>a",
        "<!--[if mso]><p><![endif]--><p background='{url}/a.png'>",
    ],
)
def test_nothing_is_fetched(html: str, listener: tuple[str, list[str]]) -> None:
    url, asked = listener
    inline_css(html.format(url=url))
    assert asked == []


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 20_000,
        "<table><tr><td>" * 6_000,
        "".join(f"<b id={n}><p>" for n in range(3_000)),
        "<style>" + "".join(f"*{{a{n}:b}}" for n in range(2_000)) + "</style>" + "<i>x</i>" * 2_000,
        "<style>" + "*{a:b}" * 15_000 + "</style>" + "<i>x</i>" * 2_000,
        "<style>*{content:'" + "x" * 90_000 + "'}</style>" + "<i>x</i>" * 2_000,
        "<style>" + "x" * 200_000,
    ],
)
def test_letters_that_would_hurt_the_process_are_refused(html: str) -> None:
    with pytest.raises(RenderError):
        inline_css(html)


def test_the_inliner_is_shared_by_threads() -> None:
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(inline_css("<style>p{color:red}</style><p>a</p>")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1

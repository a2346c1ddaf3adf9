from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.content.html_text import html_to_text
from triggers.content.markup import MAX_ELEMENT_LEVELS, check_depth
from triggers.exceptions import RenderError

LETTER = """<!DOCTYPE html><html><head><title>Корзина</title><style>p{color:red}</style></head><body>
<div style="display:none;max-height:0">Прехедер &#8199;&#847;</div>
<!--[if mso]><p>only Outlook</p><![endif]-->
<h1>Анна, вы забыли&nbsp;товары</h1>
<p>Мы   сохранили
их &amp; ждём&hellip;</p>
<table>
<tr><th>Товар</th><th>Кол-во</th><th>Цена</th></tr>
<tr><td><a href="https://shop.example/1?a=1&amp;b=2"><img src="x.png" alt="Лампа"></a></td><td>2</td><td>1&nbsp;990&nbsp;₽</td></tr>
<tr><td><a href="https://shop.example/2">Торшер</a></td><td>1</td><td>5 000 ₽</td></tr>
</table>
<ul><li>Доставка <b>бесплатно</b></li><li>Возврат<ul><li>30 дней</li></ul></li></ul>
<ol start="3"><li>раз</li><li><p>два</p></li></ol>
<a href="https://shop.example/cart" style="padding:9px"><span>Вернуться в корзину</span></a>
<hr>
<p>Пишите: <a href="mailto:help@shop.example">help@shop.example</a><br>Сайт: <a href="https://shop.example">https://shop.example</a>
<a href="#top">наверх</a> <a href="https://x.example"></a></p>
<script>alert(1)</script><p hidden>нет</p>
</body></html>"""

TEXT = """Анна, вы забыли товары

Мы сохранили их & ждём…

Товар  Кол-во  Цена
Лампа (https://shop.example/1?a=1&b=2)  2  1 990 ₽
Торшер (https://shop.example/2)  1  5 000 ₽

- Доставка бесплатно
- Возврат
  - 30 дней

3. раз
4. два

Вернуться в корзину (https://shop.example/cart)

--------------------

Пишите: help@shop.example
Сайт: https://shop.example наверх"""


def test_a_whole_letter() -> None:
    assert html_to_text(LETTER) == TEXT


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a<br>b<br><br>c", "a\nb\nc"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a <b>b</b>, c", "a b, c"),
        ("a<b>b</b>c", "abc"),
        ("<a href='https://x.example'>x</a>, y", "x (https://x.example), y"),
        ("<a href='https://x.example'>x </a>y", "x (https://x.example) y"),
        ("<a href='https://x.example'>one<br>two</a>", "one\ntwo (https://x.example)"),
        ("<a href='tel:+371'>+371</a>", "+371"),
        ("<img alt='Lamp'> <a href='https://x.example'>Lamp</a>", "Lamp (https://x.example)"),
        ("<li>loose</li>", "- loose"),
        ("5 < 6 &lt; 7 &#x41;", "5 < 6 < 7 A"),
        ("<div style='display:none'><div>x</div>y</div>z", "z"),
        ("<span style='mso-hide:all'>x</span>z", "z"),
        ("<table><tr><td><table><tr><td>a</td></tr></table></td><td>b</td></tr></table>", "a\nb"),
        ("<p>a<!-- b --></p><![CDATA[c]]>d", "a\n\nd"),
        ("so\u00adft\u200b", "soft"),
        ("<p>never closed", "never closed"),
        ("a <b", "a"),
        ("</p>a</ul>", "a"),
        ("<ol start='99999999999'><li>a</ol>", "1. a"),
    ],
)
def test_pieces_of_letters(html: str, text: str) -> None:
    assert html_to_text(html) == text


UNITS = [
    "<!--", "<a ", "<a x='", '<a x="', "<![CDATA[", "</", "<!", "<?", "&#", "&", "<style>", "<style><", "<a ></", "<a=", "<", ">",
    "<title>", "<a b= ", "<div>", "<p><b>", "<li>", "<ul>", "<ul><li>", "<td>", "<a href=x>", "<img alt=x>", "<br>", " \n", "&nbsp;",
    '<p style="', "<p hidden>", "<a\t=\"'", "x</a>",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_time_is_linear(unit: str) -> None:
    html = unit * (200_000 // len(unit))
    started = time.process_time()
    html_to_text(html)
    assert time.process_time() - started < 1.5


@given(st.text(alphabet="<>/ab=\"' !-&;#\n", max_size=60))
def test_any_text_can_be_read(html: str) -> None:
    text = html_to_text(html)
    assert text == text.strip()


@pytest.mark.parametrize(
    "unit",
    [
        "<div>", "<table><tr><td>", "<b><p>", "<div></span>", "<div><table><td></div>", "<p><b></p>", "<blockquote></p>", "<div/>",
        "<a><div></a>", "<DIV>", "<ul><li>",
    ],
)  # fmt: skip
def test_depth_is_bounded(unit: str) -> None:
    with pytest.raises(RenderError, match="nested deeper"):
        check_depth(unit * 2_000)


def test_ordinary_letters_are_not_deep() -> None:
    row = "<tr><td><p>a<p>b<br><img src=x><ul><li>c<li>d</ul></td><td><a href=x><b>e</b></a></td></tr>"
    check_depth(f"<html><body><table>{row * 2_000}</table></body></html>")
    check_depth("<div>" * (MAX_ELEMENT_LEVELS // 2))

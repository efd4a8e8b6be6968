"""Hostile texts and addresses, the same ones in every run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice, product
from urllib.parse import quote

_SEEDS = (
    "</script><script>alert(1)</script>",
    "</SCRIPT ><img src=x onerror=alert(1)>",
    "<!--<script>",
    "--><svg/onload=alert(1)>",
    "<![CDATA[ ]]><b>x</b>",
    '"><button formaction=javascript:alert(1)>',
    "'><iframe srcdoc='<script>alert(1)</script>'>",
    '" onclick="alert(1)" x="',
    "' autofocus onfocus=alert(1) '",
    "` onmouseover=alert(1) `",
    "x onload=alert(1)",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{ 7|add:7 }}{{7*7}}",
    "{% load portone %}{% portone_checkout order %}",
    "{% include '/etc/passwd' %}",
    "{# comment #}",
    "%(amount)s %s %d {0} {order.customer}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "line\u2028separator\u2029paragraph",
    "nul\x00byte",
    "lone\ud800surrogate",
    "\udfffother half",
    "bell\x07escape\x1b[31mred",
    "\u202ertl override\u202c",
    "שלום العربية",
    "zero\u200bwidth\u200d\ufeffjoin",
    "👩‍👩‍👧‍👦 🏴‍☠️ 🇰🇷",
    "Z͑ͫ̓a̴l̵g̶o",
    "가나다라마바사 아메리카노",
    "ＦＵＬＬ ｗｉｄｔｈ ＜script＞",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62; &quot; &apos; &amp;amp;",
    "\\u003cscript\\u003e \\x3cscript\\x3e",
    "+ADw-script+AD4-",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    '{"a": [1, {"b": "</script>"}], "__proto__": {"state": "paid"}}',
    '"}]};alert(1);//',
    "';alert(1);//",
    "1; DROP TABLE portone_django_order;--",
    "../../../etc/passwd",
    "a\r\nSet-Cookie: x=1\r\n\r\n<h1>",
    "tab\tnew\nline",
    "<style>*{display:none}</style>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><input name=token>",
    "</textarea></title></noscript></template>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<x" + " a=1" * 40,
    "L" * 5000,
    "<" * 300,
    "&" * 150,
    '"' * 150,
    "</div></body></html>",
)

_DRESSES: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: f'">{text}',
    lambda text: f"'>{text}<!--",
    lambda text: f"</script>{text}",
    lambda text: f"원두 {text} 500g",
    lambda text: json.dumps({"name": text}),
    lambda text: text.swapcase(),
    lambda text: f"\u200b{text}\u202e",
    lambda text: quote(text, safe="", errors="surrogatepass")[:190],
    lambda text: f"{{{{ {text} }}}}",
)


def _texts() -> Iterator[str]:
    seen = set()
    for dress, seed in product(_DRESSES, _SEEDS):
        text = dress(seed)
        if text not in seen:
            seen.add(text)
            yield text


TEXTS: tuple[str, ...] = tuple(islice(_texts(), 500))

_EVIL = "evil.example"
_SCHEMES = (
    "javascript", "JaVaScRiPt", "java\tscript", "java\nscript", "\x01javascript", " javascript", "javascript\x00",
    "vbscript", "data", "file", "blob", "about", "ftp", "ws", "view-source", "intent", "mailto", "tel", "myapp",
    "feed", "jar", "livescript",
)  # fmt: skip
_BODIES = ("alert(1)", "//alert(1)", "%0aalert(1)", f"//{_EVIL}/", "text/html,<script>alert(1)</script>", "")
_ELSEWHERE = (
    f"//{_EVIL}", f"///{_EVIL}", f"////{_EVIL}", f"/\\{_EVIL}", f"\\\\{_EVIL}", f"\\/{_EVIL}", f"/\t/{_EVIL}",
    f"/\n/{_EVIL}", f"/\r/{_EVIL}", f"\t//{_EVIL}", f" //{_EVIL}", f"\x00//{_EVIL}", f"/\x00/{_EVIL}", f"/\x0b/{_EVIL}",
    f"//{_EVIL}%2f@shop.example", f"//shop.example@{_EVIL}", f"//shop.example\\@{_EVIL}", f"//shop.example.{_EVIL}",
    f"http:{_EVIL}", f"https:{_EVIL}", f"http:/{_EVIL}", f"https:/{_EVIL}", f"https:///{_EVIL}", f"https:\\\\{_EVIL}",
    f"https://{_EVIL}", f"http://{_EVIL}", f"HTTPS://{_EVIL}", f"https://{_EVIL}:443/x", f"https://user@{_EVIL}/",
    f"https://shop.example@{_EVIL}/", f"https://shop.example:pw@{_EVIL}/", f"https://{_EVIL}\\@shop.example/",
    f"https://{_EVIL}#@shop.example/", f"https://{_EVIL}?@shop.example/", f"https://shop.example.{_EVIL}/",
    f"https://{_EVIL}/shop.example", f"https://xn--{_EVIL}", "https://ｅｖｉｌ.example/", "https://evil。example/",
    "https://2130706433/", "https://[::1]/", "https://[::1", "https://", "http://", "https:", "//", "///", "\\\\",
    f"h\tttps://{_EVIL}", f"https\t://{_EVIL}", f"https://\t{_EVIL}", "https://ev\til.example", f"://{_EVIL}",
    f"https://{_EVIL}\u2028", f"\u2028//{_EVIL}", f"\u200b//{_EVIL}", f"\ufeffhttps://{_EVIL}", f"\u202e//{_EVIL}",
    "https://shop.example\x00.evil.example/", "https://shop.example\u2044.evil.example/", "https://shop.example%00.evil.example",
    "https://shop.example\n.evil.example/", '/"><script>alert(1)</script>', "/' onclick='alert(1)", "/orders/\x00",
    "/orders/\u2028", "/orders/\\evil", "/orders/<b>", "/orders/ 7", "/orders/\ud800", "orders/7", "?next=1", "#x",
    "", " ",
)  # fmt: skip

URLS: tuple[str, ...] = tuple(
    dict.fromkeys([*_ELSEWHERE, *(f"{scheme}:{body}" for scheme, body in product(_SCHEMES, _BODIES))])
)

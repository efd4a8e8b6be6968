"""Reading parameters as PHP does."""

from typing import Any

import pytest

from portone_django.sandbox.forms import read_body, read_query
from portone_django.sandbox.refusals import Refused

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a%5B%5D=1", {"a": ["1"]}),
        ("a[0]=1&a[1]=2", {"a": ["1", "2"]}),
        ("a[x]=1&a[y]=2", {"a": {"x": "1", "y": "2"}}),
        ("a[0][x]=1&a[0][y]=2&a[1][x]=3", {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}),
        ("a[][x]=1&a[][y]=2&a[][x]=3", {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}),
        ("a[][x][]=1&a[][x][]=2", {"a": [{"x": ["1"]}, {"x": ["2"]}]}),
        ("a=1& b=2", {"a": "1", "b": "2"}),
        ("a=1&a[b]=2", {"a": "1"}),
        ("name=%ED%99%8D", {"name": "홍"}),
    ],
)
def test_a_query_is_read_into_lists_and_dicts(query: str, expected: dict[str, Any]) -> None:
    assert read_query(query) == expected


def test_a_body_is_json_when_it_says_so_or_looks_so() -> None:
    assert read_body(b'{"a": 1}', "application/json;charset=utf-8") == {"a": 1}
    assert read_body(b'{"a": 1}', "") == {"a": 1}
    assert read_body(b'{"a": 1}', FORM) == {"a": 1}
    assert read_body(b"a=1", FORM) == {"a": "1"}
    assert read_body(b"a=1\r\n", FORM) == {"a": "1"}
    assert read_body(b'\xef\xbb\xbf{"a": 1}', "Application/JSON") == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[]", b" "])
def test_an_empty_json_body_says_nothing(body: bytes) -> None:
    assert read_body(body, "application/json") == {}


def test_a_multipart_form_is_read_like_any_other() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="uid[]"\r\n\r\n\xed\x99\x8d\r\n'
        b'--x\r\nContent-Disposition: form-data; name="uid[]"\r\n\r\nb\r\n--x--\r\n'
    )
    assert read_body(body, "multipart/form-data; boundary=x") == {"uid": ["홍", "b"]}


@pytest.mark.parametrize("body", [b"[1]", b"{", b"nonsense", b"7", b"[" * 200_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_body(body, "application/json")
    assert refused.value.http_status == 400

"""Requests that two HTTP parsers could read differently: the forms of request smuggling, as raw bytes.

Each is the head's lines and what follows, after a request line and a Host header. The gateway refuses all of
REFUSED with 400 and reads all of ACCEPTED as the one request that they are (RFC 9112).
"""

CHUNKED_SPELLINGS = {
    "another coding": b"Transfer-Encoding: xchunked",
    "a coding with a suffix": b"Transfer-Encoding: chunkedx",
    "a coding before": b"Transfer-Encoding: gzip, chunked",
    "a coding behind": b"Transfer-Encoding: chunked, gzip",
    "identity behind": b"Transfer-Encoding: chunked, identity",
    "identity before": b"Transfer-Encoding: identity, chunked",
    "identity only": b"Transfer-Encoding: identity",
    "no coding": b"Transfer-Encoding:",
    "a comma before": b"Transfer-Encoding: , chunked",
    "a comma behind": b"Transfer-Encoding: chunked,",
    "twice in a list": b"Transfer-Encoding: chunked, chunked",
    "in quotes": b'Transfer-Encoding: "chunked"',
    "in single quotes": b"Transfer-Encoding: 'chunked'",
    "a space behind": b"Transfer-Encoding: chunked ",
    "a parameter": b"Transfer-Encoding: chunked;q=1",
    "a semicolon": b"Transfer-Encoding: ;chunked",
    "a vertical tab before": b"Transfer-Encoding: \x0bchunked",
    "a vertical tab behind": b"Transfer-Encoding: chunked\x0b",
    "a form feed": b"Transfer-Encoding: \x0cchunked",
    "a backspace": b"Transfer-Encoding: chunk\x08ed",
    "a NUL behind": b"Transfer-Encoding: chunked\x00",
    "a NUL before": b"Transfer-Encoding: \x00chunked",
    "a delete character": b"Transfer-Encoding: chunked\x7f",
    "a high byte before": b"Transfer-Encoding: \xffchunked",
    "a no-break space": b"Transfer-Encoding: \xa0chunked",
    "a dotless letter": "Transfer-Encoding: chun\u212aed".encode(),
    "two headers, unknown first": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "two headers, unknown last": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "two headers, empty first": b"Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    "two headers, identity last": b"Transfer-Encoding: chunked\r\ntransfer-encoding: identity",
    "the same header twice": b"Transfer-Encoding: chunked\r\nTRANSFER-ENCODING: chunked",
    "a space before the colon": b"Transfer-Encoding : chunked",
    "a tab before the colon": b"Transfer-Encoding\t: chunked",
    "a space in the name": b"Transfer Encoding: chunked",
    "a folded value": b"Transfer-Encoding:\r\n chunked",
    "a folded tab": b"Transfer-Encoding:\r\n\tchunked",
    "a folded name": b"X: x\r\n Transfer-Encoding: chunked",
    "a name behind a tab": b"X: x\r\n\tTransfer-Encoding: chunked",
    "behind a bare line feed": b"X: x\nTransfer-Encoding: chunked",
    "behind a bare carriage return": b"X: x\rTransfer-Encoding: chunked",
    "before a bare line feed": b"Transfer-Encoding: chunked\nX: x",
    "a name with a NUL": b"Transfer-Encoding\x00: chunked",
    "a name with a high byte": b"Transfer-Encoding\xff: chunked",
    "a name with a quote": b'"Transfer-Encoding": chunked',
    "a name with a slash": b"Transfer/Encoding: chunked",
    "no colon": b"Transfer-Encoding chunked",
    "an equals sign": b"Transfer-Encoding= chunked",
}
LENGTHS = {
    "a plus sign": b"Content-Length: +6",
    "a minus sign": b"Content-Length: -6",
    "a decimal point": b"Content-Length: 6.0",
    "an exponent": b"Content-Length: 6e0",
    "hexadecimal": b"Content-Length: 0x6",
    "octal": b"Content-Length: 0o6",
    "a letter behind": b"Content-Length: 6a",
    "a space inside": b"Content-Length: 6 6",
    "an underscore": b"Content-Length: 6_0",
    "a comma behind": b"Content-Length: 6,",
    "a list": b"Content-Length: 6, 6",
    "a list of different ones": b"Content-Length: 6, 0",
    "quotes": b'Content-Length: "6"',
    "nothing": b"Content-Length:",
    "a word": b"Content-Length: six",
    "too many digits": b"Content-Length: " + b"9" * 30,
    "wrapping 64 bits": b"Content-Length: 18446744073709551622",
    "a NUL": b"Content-Length: 6\x00",
    "a vertical tab": b"Content-Length: \x0b6",
    "a high digit": "Content-Length: \u0666".encode(),
    "two equal headers": b"Content-Length: 6\r\nContent-Length: 6",
    "two different headers": b"Content-Length: 6\r\ncontent-length: 0",
    "a space before the colon": b"Content-Length : 6",
    "a tab before the colon": b"Content-Length\t: 6",
    "a folded value": b"Content-Length:\r\n 6",
    "a folded second line": b"Content-Length: 6\r\n 6",
    "behind a bare line feed": b"X: x\nContent-Length: 6",
    "behind a bare carriage return": b"X: x\rContent-Length: 6",
}
CHUNKS = {
    "a size that is none": b"zz\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-1\r\nabc\r\n0\r\n\r\n",
    "a plus sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "an underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "a space before": b" 3\r\nabc\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "a bare line feed behind the size": b"3\nabc\r\n0\r\n\r\n",
    "a bare carriage return behind the size": b"3\rabc\r\n0\r\n\r\n",
    "too short": b"2\r\nabc\r\n0\r\n\r\n",
    "no line end behind the data": b"3\r\nabc0\r\n\r\n",
    "a bare line feed behind the data": b"3\r\nabc\n0\r\n\r\n",
    "a NUL in the size": b"3\x00\r\nabc\r\n0\r\n\r\n",
    "a bare line feed in an extension": b"3;x\nabc\r\n0\r\n\r\n",
    "a bare carriage return in an extension": b"3;x\ry\r\nabc\r\n0\r\n\r\n",
    "a bare line feed at the end": b"3\r\nabc\r\n0\n\n",
    "a high byte in the size": b"\xb23\r\nabc\r\n0\r\n\r\n",
}
LINES = {
    "a bare line feed": b"X-A: b\n",
    "a bare carriage return": b"X-A: b\rX-B: c\r\n",
    "a NUL in a value": b"X-A: b\x00c\r\n",
    "a NUL in a name": b"X-\x00A: b\r\n",
    "no name": b": b\r\n",
    "only a colon": b":\r\n",
    "no colon": b"X-A\r\n",
    "a space for a name": b" : b\r\n",
    "a folded first line": b" X-A: b\r\n",
    "a second host": b"Host: else.example\r\n",
    "an empty second host": b"Host:\r\n",
    "the same host again": b"Host: shop.example\r\n",
    "a name in brackets": b"[X]: b\r\n",
    "a name with a parenthesis": b"X(A: b\r\n",
    "a name with an at sign": b"X@A: b\r\n",
}
REQUEST_LINES = {
    "a space in the target": b"GET /v1/books x HTTP/1.1\r\n",
    "a tab": b"GET\t/v1/books HTTP/1.1\r\n",
    "no version": b"GET /v1/books\r\n",
    "a lower-case version": b"GET /v1/books http/1.1\r\n",
    "version 1.2": b"GET /v1/books HTTP/1.2\r\n",
    "version 0.9": b"GET /v1/books HTTP/0.9\r\n",
    "version 2.0": b"GET /v1/books HTTP/2.0\r\n",
    "version 01.1": b"GET /v1/books HTTP/01.1\r\n",
    "version 1.10": b"GET /v1/books HTTP/1.10\r\n",
    "a space behind the version": b"GET /v1/books HTTP/1.1 \r\n",
    "a lower-case method": b"get /v1/books HTTP/1.1\r\n",
    "an unknown method": b"FETCH /v1/books HTTP/1.1\r\n",
    "a colon in the method": b"GET: /v1/books HTTP/1.1\r\n",
    "a NUL in the target": b"GET /v1/bo\x00oks HTTP/1.1\r\n",
    "a high byte in the target": b"GET /v1/b\xffoks HTTP/1.1\r\n",
    "a fragment": b"GET /v1/books#x HTTP/1.1\r\n",
    "a relative target": b"GET v1/books HTTP/1.1\r\n",
    "a bare line feed": b"GET /v1/books HTTP/1.1\n",
    "a bare carriage return": b"GET /v1/books HTTP/1.1\r",
    "a leading space": b" GET /v1/books HTTP/1.1\r\n",
    "another protocol": b"GET /v1/books ICE/1.1\r\n",
}
_GET, _POST = b"GET /v1/books HTTP/1.1\r\n", b"POST /v1/books HTTP/1.1\r\n"
_HOST = b"Host: shop.example\r\n"
_SMUGGLED = b"0\r\n\r\nX"


def _build_forms() -> dict[str, bytes]:
    forms = {}
    for name, line in CHUNKED_SPELLINGS.items():
        forms[f"length and chunks, {name}"] = (
            _POST + _HOST + b"Content-Length: 6\r\n" + line + b"\r\n\r\n" + _SMUGGLED
        )
        forms[f"chunks and length, {name}"] = (
            _POST + _HOST + line + b"\r\nContent-Length: 6\r\n\r\n" + _SMUGGLED
        )
        forms[f"chunks, {name}"] = _POST + _HOST + line + b"\r\n\r\n0\r\n\r\n"
    for name, line in LENGTHS.items():
        forms[f"length, {name}"] = _POST + _HOST + line + b"\r\n\r\nabcdef"
        forms[f"length of a GET, {name}"] = _GET + _HOST + line + b"\r\n\r\nabcdef"
    for name, body in CHUNKS.items():
        forms[f"chunk, {name}"] = _POST + _HOST + b"Transfer-Encoding: chunked\r\n\r\n" + body
    for name, line in LINES.items():
        forms[f"line, {name}"] = _GET + _HOST + line + b"\r\n"
    for name, line in REQUEST_LINES.items():
        forms[f"request line, {name}"] = line + _HOST + b"\r\n"
    return forms


REFUSED = _build_forms()
ACCEPTED = {
    "a tab before the coding": _POST + _HOST + b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
    "two spaces before the target": b"GET  /v1/books HTTP/1.1\r\n" + _HOST + b"\r\n",
    "an upper-case coding": _POST + _HOST + b"Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
    "a chunk extension": _POST + _HOST + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
    "a trailer": _POST + _HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
    "zeros before a chunk's size": _POST
    + _HOST
    + b"Transfer-Encoding: chunked\r\n\r\n003\r\nabc\r\n0\r\n\r\n",
    "zeros before a length": _POST + _HOST + b"Content-Length: 0003\r\n\r\nabc",
    "a length and spaces": _POST + _HOST + b"Content-Length:   3\t\r\n\r\nabc",
    "an underscore for a hyphen": _POST
    + _HOST
    + b"Content-Length: 3\r\nTransfer_Encoding: chunked\r\n\r\nabc",
    "an empty line before the request": b"\r\n" + _GET + _HOST + b"\r\n",
    "a length of zero": _GET + _HOST + b"Content-Length: 0\r\n\r\n",
    "a length that ends the body": _GET + _HOST + b"Content-Length: 3\r\n\r\nabc",
}

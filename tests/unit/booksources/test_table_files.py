"""Files of every kind become rows of text; a fault costs its row, and memory is bounded."""

import gzip
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from booksources.tables.reader import detect_format, open_table
from booksources.tables.rows import TableFormat, TableRow


def read_rows(path: Path, content: bytes | str, form: TableFormat | None = None) -> list[TableRow]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_table(path, form or TableFormat()) as rows:
        return list(rows)


def list_cells(rows: list[TableRow]) -> list[dict[str, str] | None]:
    return [row.cells for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


@pytest.mark.parametrize("broken", [1, 4, 29])
def test_unclosed_quote_costs_its_line_only(path: Path, broken: int) -> None:
    lines = [f"Book {n},{n}.00" for n in range(1, 30)]
    lines[broken - 1] = f'"unclosed {lines[broken - 1]}'
    rows = read_rows(path, "Title,Price\n" + "\n".join(lines) + "\n")
    (fault,) = [row for row in rows if row.fault]
    assert (len(rows), fault.number, fault.raw) == (29, broken, lines[broken - 1])
    assert f"line {broken + 1} " in fault.fault


def test_unclosed_quote_in_a_long_table_is_found_after_500_lines(path: Path) -> None:
    rows = read_rows(path, 'Title,Price\n"open,1\n' + "Book,2.00\n" * 19_998)
    assert (len(rows), sum(row.cells is None for row in rows)) == (19_999, 1)
    assert "line 2 opens a quote that is not closed within 500 lines" in rows[0].fault


def test_unclosed_quote_that_a_later_quote_closes_costs_its_line_only(path: Path) -> None:
    rows = read_rows(path, 'Title,Price\n"open,1\nA,2\n"B, C",3\nD,4\n"E",5\n')
    assert [row.cells["Title"] for row in rows if row.cells] == ["A", "B, C", "D", "E"]
    rows = read_rows(path, 'Title,Price,Pages\n"open,1,1\nA,2,2\nB,"3",3\n')
    assert [row.cells["Title"] for row in rows if row.cells] == ["A", "B"]


def test_quoted_line_breaks_and_empty_lines_are_read(path: Path) -> None:
    rows = read_rows(path, 'Title,Text\n\nA,"One\nTwo\n\nThree"\n\nB,"x ""y"" z"\n')
    assert list_cells(rows) == [
        {"Title": "A", "Text": "One\nTwo\n\nThree"},
        {"Title": "B", "Text": 'x "y" z'},
    ]


def test_record_of_json_may_lack_members(tmp_path: Path) -> None:
    lines = [{"title": "A"}, {"title": "B", "author": "Ann"}, {"author": None}]
    rows = read_rows(tmp_path / "books.jsonl", "\n".join(map(json.dumps, lines)))
    assert list_cells(rows) == [{"title": "A"}, {"title": "B", "author": "Ann"}, {"author": ""}]
    assert all(row.is_sparse for row in rows)


RECORDS = (
    '[{"id": 123456789012345678901, "price": 12.50, "n": NaN, "a": ["x", 1.0], "o": {"b": 1e2}},\n {"id":2}]'
)
READ = [
    {"id": "123456789012345678901", "price": "12.50", "n": "", "a": "x; 1.0", "o": '{"b":1e2}'},
    {"id": "2"},
]


@pytest.mark.parametrize(
    "content", [RECORDS, f'{{"count": 2, "next": "a [b]", "books": {RECORDS}, "more": 1}}', f"  {RECORDS}  "]
)
def test_numbers_of_a_json_array_keep_their_digits(tmp_path: Path, content: str) -> None:
    assert list_cells(read_rows(tmp_path / "books.json", content)) == READ


def test_json_lines_under_the_name_of_json_are_read(tmp_path: Path) -> None:
    lines = '{"id": 123456789012345678901}\n\n{"id": 2}\n{"id": \n'
    rows = read_rows(tmp_path / "books.json", lines)
    assert list_cells(rows) == [{"id": "123456789012345678901"}, {"id": "2"}, None]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no JSON array"),
        ("12", "no JSON array"),
        ('[{"a": 1}, {"a": ', "is damaged after row 1"),
        ('[{"a": 1} x]', "is damaged after row 0"),
        ("[" * 100_000, "nested too deeply|is damaged"),
        ('[{"a": "' + "x" * 5_000_000, "is damaged after row 0"),
    ],
)
def test_damaged_json_array_is_one_error(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        read_rows(tmp_path / "books.json", content)


def test_deeply_nested_line_of_json_costs_its_row(tmp_path: Path) -> None:
    rows = read_rows(tmp_path / "books.jsonl", '{"a": ' + "[" * 100_000 + "\n" + '{"a": 1}\n')
    assert list_cells(rows) == [None, {"a": "1"}]


def build_workbook(*rows: str) -> bytes:
    """A workbook of the smallest kind, with rows as SpreadsheetML."""
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{types}"/>',
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Books" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
        f'Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{"".join(rows)}</sheetData>'
        "</worksheet>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


def print_text(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


COLUMNS = (("A1", "Title"), ("B1", "ISBN"), ("C1", "Date"), ("D1", "Price"))
HEADER = f'<row r="1">{"".join(print_text(*column) for column in COLUMNS)}</row>'
ROW = (
    '<row r="2"><c r="A2" t="inlineStr"><is><t>The Lamp</t></is></c><c r="B2"><v>9780141439518</v></c>'
    '<c r="C2" s="1"><v>41999</v></c><c r="D2"><v>12.5</v></c></row>'
)


def test_numbers_and_dates_of_a_workbook_are_read(tmp_path: Path) -> None:
    rows = read_rows(tmp_path / "books.xlsx", build_workbook(HEADER, ROW))
    assert list_cells(rows) == [
        {"Title": "The Lamp", "ISBN": "9780141439518", "Date": "2014-12-26", "Price": "12.5"}
    ]


def test_workbook_of_few_cells_far_apart_is_refused(tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    with pytest.raises(Invalid, match="1048576 rows and 16384 columns"):
        read_rows(tmp_path / "books.xlsx", build_workbook(HEADER, far))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_unicode_are_recognised(path: Path, encoding: str) -> None:
    rows = read_rows(path, "Title;Price\nČaj;8\n".encode(encoding))
    assert list_cells(rows) == [{"Title": "Čaj", "Price": "8"}]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Title\nČaj\n".encode(), "utf-8-sig"),
        ("Title\nCafé \u201cx\u201d €5\n".encode("cp1252"), "cp1252"),
        ("Title\nCafé \x81\n".encode("latin-1"), "latin-1"),
        ("Title\nCafé\n".encode("utf-16"), "utf-16"),
    ],
)
def test_encoding_is_guessed_for_a_human_to_check(path: Path, content: bytes, encoding: str) -> None:
    path.write_bytes(content)
    assert detect_format(path).encoding == encoding


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"Title,Price\n" + b"x" * 5_000_000, "line 2 is longer than 4 million characters"),
        (b",".join(b"c%d" % n for n in range(300_000)), "has more than 2000 columns"),
    ],
)
def test_endless_line_and_a_million_columns_are_one_error(path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        read_rows(path, content)


def test_nul_bytes_cost_their_row(path: Path) -> None:
    rows = read_rows(path, b"Title,Price\nA\x00,1\nB,2\n")
    assert [row.fault for row in rows] == ["has NUL bytes", ""]


@pytest.mark.parametrize("unit", [b"\x00", b"\n"])
def test_archive_that_unpacks_without_end_is_refused_in_flat_memory(tmp_path: Path, unit: bytes) -> None:
    path = tmp_path / "books.csv.gz"
    member = gzip.compress(unit * ((1 << 24) // len(unit)))
    path.write_bytes(gzip.compress(b"Title,Price\nA,1\n") + member * 20)
    tracemalloc.start()
    with (
        open_table(path, TableFormat()) as rows,
        pytest.raises(Invalid, match=r"is longer than|unpacks to|empty lines"),
    ):
        for _ in rows:
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20

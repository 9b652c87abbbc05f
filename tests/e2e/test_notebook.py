"""The notebook's lines in the docs are run as they stand, by the gateway."""

import re
from pathlib import Path

import pytest
from docs.generate import ROOT
from tests.e2e.laptop import Laptop
from tests.e2e.test_newcomer import NOWHERE

from bookcore.domain.errors import Invalid, Unavailable
from bookml.notebook import Bookstream

PAGE = ROOT / "docs/how-to/train-and-predict.md"


def test_notebook_example_of_the_docs_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    laptop = Laptop(tmp_path)
    done = laptop.run("demo", "--once", "--port", "0", BOOKSTREAM_TOSCRAPE_URL=NOWHERE)
    assert done.code == 0, done.err
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with laptop.serve() as served:
        names = {"GATEWAY": served.base, "KEY": served.token, "SOURCE": "sample_shop"}
        for block in code:
            exec(compile(block, str(PAGE), "exec"), names)
        shop = Bookstream(served.base, served.token)
        with pytest.raises(Invalid, match="no model was trained on 'nowhere'"):
            shop.predict("nowhere", title="A")
        with pytest.raises(Invalid, match="token"):
            Bookstream(served.base, "x").predict("sample_shop", title="A")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[(60,")
    assert lines[1].startswith("baseline {'amount': ")
    assert "fewer than 200 books" in lines[2]
    with pytest.raises(Unavailable, match="can't be reached"):
        Bookstream("http://127.0.0.1:9", "x").load_training_data("sample_shop")

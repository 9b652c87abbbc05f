"""The notebook's lines in the docs are run as they stand, by the gateway."""

import re
from pathlib import Path

import pytest
from docs.generate import ROOT
from tests.e2e.laptop import Laptop
from tests.e2e.sites import run_sample_shop

from bookcore.domain.errors import Invalid, Unavailable
from bookml.notebook import Bookstream

PAGE = ROOT / "docs/how-to/train-and-predict.md"


def test_notebook_example_of_the_docs_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    laptop = Laptop(tmp_path)
    with run_sample_shop("--books", "60") as shop:
        done = laptop.run("crawl", "sample_shop", "--url", shop.url)
    assert done.code == 0, done.err
    laptop.ingest()
    assert laptop.run("train", "--source", "sample_shop").code == 0
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with laptop.serve() as served:
        names = {"GATEWAY": served.base, "KEY": served.token, "SOURCE": "sample_shop"}
        for block in code:
            exec(compile(block, str(PAGE), "exec"), names)
        notebook = Bookstream(served.base, served.token)
        with pytest.raises(Invalid, match="no model was trained on 'nowhere'"):
            notebook.predict("nowhere", title="A")
        with pytest.raises(Invalid, match="token"):
            Bookstream(served.base, "x").predict("sample_shop", title="A")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[(60,")
    assert lines[1].startswith("baseline {'amount': ")
    assert "fewer than 200 books" in lines[2]
    with pytest.raises(Unavailable, match="can't be reached"):
        Bookstream("http://127.0.0.1:9", "x").load_training_data("sample_shop")

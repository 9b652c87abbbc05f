from fastapi import FastAPI
from fastapi.testclient import TestClient

from bookcore.kit.problem import install_problem_handlers


def test_unforeseen_error_is_told_without_its_words() -> None:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/")
    def fail() -> None:
        raise RuntimeError("SELECT password FROM users at /srv/secret.py")

    answer = TestClient(app, raise_server_exceptions=False).get("/")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")
    assert answer.json()["detail"] == "the error is logged"
    assert "secret" not in answer.text
    assert "SELECT" not in answer.text

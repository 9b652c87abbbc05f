"""Every variable with a dot in its name is a setting, as in the elasticsearch image; then the server runs."""

import os
from pathlib import Path

HOME = Path("/usr/share/elasticsearch")


def main() -> None:
    """Becomes the server."""
    settings = {"network.host": "0.0.0.0"}  # noqa: S104 - as in the image; who reaches it is the network's matter
    settings |= {name: value for name, value in os.environ.items() if "." in name and name[0].islower()}
    text = "".join(f"{name}: {value}\n" for name, value in settings.items())
    (HOME / "config" / "elasticsearch.yml").write_text(text)
    program = str(HOME / "bin" / "elasticsearch")
    os.execv(program, [program])  # noqa: S606 - our own words


if __name__ == "__main__":
    main()

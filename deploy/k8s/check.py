"""`make check-k8s`: renders every overlay, checks schemas and policies, prints one line per finding."""

import sys
import time

from deploy.k8s.environments import ENVIRONMENTS, FOLDER, KUSTOMIZATIONS, render_environment
from deploy.k8s.policies.settings import list_drift
from deploy.k8s.policy import POLICIES, list_findings
from deploy.k8s.render import render
from deploy.k8s.schemas import VERSIONS, find_schema_errors


def main() -> int:
    """Returns 1 when there is a finding."""
    began = time.monotonic()
    found: list[str] = []
    for name in KUSTOMIZATIONS:
        objects = render(FOLDER / name)
        found += [
            f"{name}: {version}: {line}"
            for version in VERSIONS
            for line in find_schema_errors(objects, version)
        ]
    environments = {name: render_environment(name) for name in ENVIRONMENTS}
    for name, environment in environments.items():
        found += [f"{name}: {line}" for line in list_findings(environment)]
    found += [f"drift: {line}" for line in list_drift(environments)]
    seconds = time.monotonic() - began
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(
        f"{len(KUSTOMIZATIONS)} kustomizations, Kubernetes {', '.join(VERSIONS)}, {len(POLICIES)} policies: "
        f"{len(found)} findings in {seconds:.1f} s\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Programs of Debian's packages, unpacked into a folder of the stack: nothing is installed on the system."""

from pathlib import Path

from devstack.server import find_tool, run_command

VERSION = "Debian"


def install_package(name: str, folder: Path) -> None:
    """Download a package of the machine's own release and unpack it.

    Raises: Unavailable without Debian's tools, or when its lists don't have the package.
    """
    remedy = "it runs on Debian and its kin only"
    apt, unpack = find_tool("apt-get", remedy), find_tool("dpkg-deb", remedy)
    words = ["download", "-q", "-o", "APT::Sandbox::User=root", name]
    run_command([find_tool("env", remedy), "-C", str(folder), apt, *words])
    (archive,) = folder.glob("*.deb")
    run_command([unpack, "--extract", str(archive), str(folder)])
    archive.unlink()

"""Putting the pages together and rendering them with Zensical."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "manifest.yml")
"""What stands at the top of the repository and is shown, or linked to."""
FOLDERS = ("docs", "deploy", "examples")


def build(folder: Path) -> Path:
    """Build the site.

    Args:
        folder: Where; what was there before is deleted.

    Returns:
        The folder with the pages.

    Raises:
        RuntimeError: A page cannot be rendered, or links to a page that is not there.
    """
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "source"
    source.mkdir(parents=True)
    for page in PAGES:
        shutil.copy(ROOT / page, source / page)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name)
    (source / "docs/decisions/README.md").write_text(_decisions(source / "docs/decisions"))
    _name_pages_of_folders(source)
    shutil.copy(ROOT / "docsite/zensical.toml", folder / "zensical.toml")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise RuntimeError(f"The site cannot be built:\n{done.stdout}{done.stderr}")
    return folder / "site"


def _decisions(folder: Path) -> str:
    """A page that lists all decisions by their titles."""
    lines = []
    for page in sorted(folder.glob("[0-9]*.md")):
        title, _, rest = page.read_text().partition("\n")
        status = next(line for line in rest.splitlines() if line.startswith("Status:"))
        lines.append(f"- [{title.removeprefix('# ')}]({page.name}) ({status.removeprefix('Status: ')})")
    return "\n".join(["# Decisions", "", *lines, ""])


def _name_pages_of_folders(source: Path) -> None:
    """A link to a folder leads to its page: a site has no list of files."""
    for page in source.rglob("*.md"):
        text = page.read_text()
        for folder in ("docs/decisions/", "decisions/", "examples/logistic-map/"):
            text = text.replace(f"]({folder})", f"]({folder}README.md)")
        page.write_text(text)

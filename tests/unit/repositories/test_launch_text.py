import re
import string
import subprocess
import sys
import time
import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.errors import SpecError
from bot.interfaces.catalogue import BY_KEY
from bot.repositories.launch_text import parse_launch, parse_repo
from bot.repositories.spec import LaunchRequest, Provider, RepoSpec
from bot.repositories.typed_text import MAX_TEXT, undecorated

SHA = "0123456789abcdef0123456789abcdef01234567"
GIST = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
OR = "https://github.com/o/r"

# What is pasted -> provider, url, ref, path, interface
UNDERSTOOD: list[tuple[str, tuple[str | None, ...]]] = [
    # GitHub, as people write it
    ("o/r", ("gh", OR, None, None, None)),
    (
        "binder-examples/r_with.python-2",
        ("gh", "https://github.com/binder-examples/r_with.python-2", *[None] * 3),
    ),
    ("github.com/o/r", ("gh", OR, None, None, None)),
    ("www.github.com/o/r", ("gh", OR, None, None, None)),
    ("GitHub.com/o/r", ("gh", OR, None, None, None)),
    ("http://github.com/o/r", ("gh", OR, None, None, None)),
    ("HTTPS://GITHUB.COM/o/r/", ("gh", OR, None, None, None)),
    ("https://github.com:443/o/r", ("gh", OR, None, None, None)),
    ("https://github.com/o/r.git", ("gh", OR, None, None, None)),
    ("https://git@github.com/o/r.git", ("gh", OR, None, None, None)),
    ("git@github.com:o/r.git", ("gh", OR, None, None, None)),
    ("ssh://git@github.com/o/r.git", ("gh", OR, None, None, None)),
    ("ssh://git@github.com:22/o/r.git", ("gh", OR, None, None, None)),
    ("ssh://git@ssh.github.com:443/o/r.git", ("gh", OR, None, None, None)),
    ("ssh://git@github.com:o/r.git", ("gh", OR, None, None, None)),
    ("git+ssh://git@github.com/o/r.git", ("gh", OR, None, None, None)),
    ("git+https://github.com/o/r.git@v1#egg=r", ("gh", OR, "v1", None, None)),
    ("git://github.com/o/r.git", ("gh", OR, None, None, None)),
    ("https://github.com/o/r?tab=readme-ov-file#readme", ("gh", OR, None, None, None)),
    ("o/r@main", ("gh", OR, "main", None, None)),
    ("o/r#main", ("gh", OR, "main", None, None)),
    ("o/r@feature/main", ("gh", OR, "feature/main", None, None)),
    ("o/r.git@v1", ("gh", OR, "v1", None, None)),
    ("https://github.com/o/r@main", ("gh", OR, "main", None, None)),
    ("o/r@HEAD", ("gh", OR, None, None, None)),
    ("o/r/tree/main/dir", ("gh", OR, "main", "dir", None)),
    # GitHub's pages
    (f"{OR}/tree/main", ("gh", OR, "main", None, None)),
    (f"{OR}/tree/main/a/b", ("gh", OR, "main", "a/b", None)),
    (f"{OR}/tree/feature/main/dir", ("gh", OR, "feature", "main/dir", None)),
    (f"{OR}/tree/feature%2Fmain/dir", ("gh", OR, "feature/main", "dir", None)),
    (f"{OR}/tree/HEAD/dir", ("gh", OR, None, "dir", None)),
    (f"{OR}/blob/main/a%20b/c.ipynb?plain=1#L3", ("gh", OR, "main", "a b/c.ipynb", None)),
    (f"{OR}/blob/refs/heads/main/c.ipynb", ("gh", OR, "refs/heads/main", "c.ipynb", None)),
    (f"{OR}/raw/branch/c.ipynb", ("gh", OR, "branch", "c.ipynb", None)),
    (f"{OR}/blob/main/image@2x.png", ("gh", OR, "main", "image@2x.png", None)),
    (f"{OR}/commit/{SHA}", ("gh", OR, SHA, None, None)),
    (f"{OR}/commit/{SHA}#diff-1", ("gh", OR, SHA, None, None)),
    (f"{OR}/releases/tag/v1.0", ("gh", OR, "v1.0", None, None)),
    (f"{OR}/releases/tag/pkg/v1.0", ("gh", OR, "pkg/v1.0", None, None)),
    (f"{OR}/archive/refs/tags/v1.0.zip", ("gh", OR, "refs/tags/v1.0", None, None)),
    (f"{OR}/pull/7", ("gh", OR, "refs/pull/7/head", None, None)),
    (f"{OR}/pull/7/files", ("gh", OR, "refs/pull/7/head", None, None)),
    (f"{OR}/pull/7/commits/{SHA}", ("gh", OR, SHA, None, None)),
    ("https://raw.githubusercontent.com/o/r/main/a/b.ipynb", ("gh", OR, "main", "a/b.ipynb", None)),
    (
        "https://raw.githubusercontent.com/o/r/refs/heads/main/b.py",
        ("gh", OR, "refs/heads/main", "b.py", None),
    ),
    # GitLab
    ("https://gitlab.com/g/r", ("gl", "https://gitlab.com/g/r", None, None, None)),
    ("gitlab.com/g/sub/r.git", ("gl", "https://gitlab.com/g/sub/r", None, None, None)),
    ("git@gitlab.com:g/sub/r.git", ("gl", "https://gitlab.com/g/sub/r", None, None, None)),
    ("gitlab.com/g/sub/r@v1", ("gl", "https://gitlab.com/g/sub/r", "v1", None, None)),
    ("gitlab.com/g/r@feature/x", ("gl", "https://gitlab.com/g/r", "feature/x", None, None)),
    (
        "https://gitlab.com/g/sub/r/-/tree/main/d?ref_type=heads",
        ("gl", "https://gitlab.com/g/sub/r", "main", "d", None),
    ),
    ("https://gitlab.com/g/r/-/blob/main/x.ipynb", ("gl", "https://gitlab.com/g/r", "main", "x.ipynb", None)),
    (f"https://gitlab.com/g/r/-/commit/{SHA}", ("gl", "https://gitlab.com/g/r", SHA, None, None)),
    ("https://gitlab.com/g/r/-/tags/v1", ("gl", "https://gitlab.com/g/r", "v1", None, None)),
    (
        "https://gitlab.com/g/r/-/merge_requests/3",
        ("gl", "https://gitlab.com/g/r", "refs/merge-requests/3/head", None, None),
    ),
    ("https://gitlab.com/g/r/tree/main/d", ("gl", "https://gitlab.com/g/r", "main", "d", None)),
    # Gists
    (f"https://gist.github.com/u/{GIST}", ("gist", f"https://gist.github.com/u/{GIST}", None, None, None)),
    (f"https://gist.github.com/{GIST}", ("gist", f"https://gist.github.com/{GIST}", None, None, None)),
    (f"https://gist.github.com/{GIST}.git", ("gist", f"https://gist.github.com/{GIST}", None, None, None)),
    (f"git@gist.github.com:{GIST}.git", ("gist", f"https://gist.github.com/{GIST}", None, None, None)),
    (f"gist.github.com/u/{GIST}/{SHA}", ("gist", f"https://gist.github.com/u/{GIST}", SHA, None, None)),
    (
        f"gist.github.com/u/{GIST}#file-a-ipynb",
        ("gist", f"https://gist.github.com/u/{GIST}", None, None, None),
    ),
    (
        f"https://gist.githubusercontent.com/u/{GIST}/raw/{SHA}/a.ipynb",
        ("gist", f"https://gist.github.com/u/{GIST}", SHA, "a.ipynb", None),
    ),
    # Other git hosts
    ("https://bitbucket.org/t/r/src/main/d/", ("git", "https://bitbucket.org/t/r", "main", "d", None)),
    ("git@bitbucket.org:t/r.git", ("git", "https://bitbucket.org/t/r", None, None, None)),
    ("https://codeberg.org/o/r/src/branch/main/d", ("git", "https://codeberg.org/o/r", "main", "d", None)),
    (f"https://codeberg.org/o/r/src/commit/{SHA}/d", ("git", "https://codeberg.org/o/r", SHA, "d", None)),
    (
        "https://git.example.org/team/repo.git",
        ("git", "https://git.example.org/team/repo.git", None, None, None),
    ),
    ("https://git.example.org/repo.git@v1", ("git", "https://git.example.org/repo.git", "v1", None, None)),
    ("git.example.org/team/repo", ("git", "https://git.example.org/team/repo", None, None, None)),
    ("http://Git.Example.org:3000/t/r", ("git", "http://git.example.org:3000/t/r", None, None, None)),
    ("http://127.0.0.1:8080/t/r.git", ("git", "http://127.0.0.1:8080/t/r.git", None, None, None)),
    ("http://[::1]:8080/t/r.git", ("git", "http://[::1]:8080/t/r.git", None, None, None)),
    ("localhost:3000/t/r", ("git", "https://localhost:3000/t/r", None, None, None)),
    (
        "https://gitlab.example.org/a/b/c/-/tree/v1/d",
        ("git", "https://gitlab.example.org/a/b/c", "v1", "d", None),
    ),
    (
        "https://github.example.edu/o/r/blob/v1/d.R",
        ("git", "https://github.example.edu/o/r", "v1", "d.R", None),
    ),
    ("https://git.example.org/o/r.git/tree/v1", ("git", "https://git.example.org/o/r.git", "v1", None, None)),
    ("https://b\u00fccher.example/o/r", ("git", "https://xn--bcher-kva.example/o/r", None, None, None)),
    ("https://git.sr.ht/~user/r", ("git", "https://git.sr.ht/~user/r", None, None, None)),
    # Launch links
    ("https://mybinder.org/v2/gh/o/r/HEAD", ("gh", OR, None, None, None)),
    ("mybinder.org/v2/gh/o/r/main", ("gh", OR, "main", None, None)),
    ("https://mybinder.org/v2/gh/o/r", ("gh", OR, None, None, None)),
    (
        "https://mybinder.org/v2/gh/o/r/feature/main?labpath=a%2Fb.ipynb",
        ("gh", OR, "feature/main", "a/b.ipynb", "lab"),
    ),
    ("https://mybinder.org/v2/gh/o/r/feature%2Fmain", ("gh", OR, "feature/main", None, None)),
    ("https://mybinder.org/v2/gh/o/r/main?filepath=a.ipynb", ("gh", OR, "main", "a.ipynb", "notebook")),
    ("https://mybinder.org/v2/gl/g%2Fsub%2Fr/main", ("gl", "https://gitlab.com/g/sub/r", "main", None, None)),
    ("https://mybinder.org/v2/gl/g/r/main", ("gl", "https://gitlab.com/g/r", "main", None, None)),
    (
        f"https://mybinder.org/v2/gist/u/{GIST}/{SHA}",
        ("gist", f"https://gist.github.com/u/{GIST}", SHA, None, None),
    ),
    (
        "https://mybinder.org/v2/git/https%3A%2F%2Fgit.example.org%2Ft%2Fr.git/v1?urlpath=rstudio",
        ("git", "https://git.example.org/t/r.git", "v1", None, "rstudio"),
    ),
    (
        "https://mybinder.org/v2/git/https://git.example.org/t/r/v1",
        ("git", "https://git.example.org/t/r", "v1", None, None),
    ),
    (
        "https://mybinder.org/v2/zenodo/10.5281/zenodo.3242074/",
        ("zenodo", "10.5281/zenodo.3242074", None, None, None),
    ),
    (
        "https://mybinder.org/v2/figshare/10.6084/m9.figshare.9782777.v1",
        ("figshare", "10.6084/m9.figshare.9782777.v1", None, None, None),
    ),
    (
        "https://mybinder.org/v2/dataverse/10.7910/DVN/TJCLKP/",
        ("dataverse", "10.7910/DVN/TJCLKP", None, None, None),
    ),
    (
        "https://mybinder.org/v2/hydroshare/10.4211/hs.b8f6eae9d89241cf8b5904033460af61",
        ("hydroshare", "10.4211/hs.b8f6eae9d89241cf8b5904033460af61", None, None, None),
    ),
    (
        "https://mybinder.org/v2/ckan/https%3A%2F%2Fdemo.ckan.org%2Fdataset%2Fx",
        ("ckan", "https://demo.ckan.org/dataset/x", None, None, None),
    ),
    ("https://notebooks.gesis.org/binder/v2/gh/o/r/main", ("gh", OR, "main", None, None)),
    ("https://hub.2i2c.mybinder.org/v2/gh/o/r/main?urlpath=lab", ("gh", OR, "main", None, "lab")),
    ("https://mybinder.org/repo/o/r", ("gh", OR, None, None, None)),
    (
        "[![Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/o/r/HEAD?labpath=x.ipynb)",
        ("gh", OR, None, "x.ipynb", "lab"),
    ),
    (
        "[![Binder](<https://mybinder.org/badge_logo.svg>)](<https://mybinder.org/v2/gh/o/r/HEAD?labpath=x.ipynb>)",
        ("gh", OR, None, "x.ipynb", "lab"),
    ),
    ("[the repository](https://github.com/o/r) main", ("gh", OR, "main", None, None)),
    (
        ".. image:: https://mybinder.org/b.svg\n   :target: https://mybinder.org/v2/gh/o/r/main\n :alt: B",
        ("gh", OR, "main", None, None),
    ),
    (
        '<a href="https://mybinder.org/v2/gh/o/r/main"><img src="https://mybinder.org/badge_logo.svg"></a>',
        ("gh", OR, "main", None, None),
    ),
    (
        '&lt;a target="_blank" href="<https://mybinder.org/v2/gh/o/r/main>"&gt;&lt;img src="x"&gt;&lt;/a&gt;',
        ("gh", OR, "main", None, None),
    ),
    ("https://nbviewer.org/github/o/r/blob/main/a.ipynb", ("gh", OR, "main", "a.ipynb", None)),
    (f"https://nbviewer.org/gist/u/{GIST}", ("gist", f"https://gist.github.com/u/{GIST}", None, None, None)),
    ("https://colab.research.google.com/github/o/r/blob/main/a.ipynb", ("gh", OR, "main", "a.ipynb", None)),
    # Archives
    ("10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("doi:10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("DOI 10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("https://doi.org/10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("http://dx.doi.org/10.5281%2Fzenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("doi.org/10.1000/182", ("doi", "10.1000/182", None, None, None)),
    ("https://zenodo.org/record/3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    (
        "https://zenodo.org/records/3242074/files/a.zip?download=1",
        ("zenodo", "10.5281/zenodo.3242074", None, None, None),
    ),
    ("https://zenodo.org/doi/10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    (
        "https://zenodo.org/badge/DOI/10.5281/zenodo.3242074.svg",
        ("zenodo", "10.5281/zenodo.3242074", None, None, None),
    ),
    ("10.6084/m9.figshare.9782777", ("figshare", "10.6084/m9.figshare.9782777", None, None, None)),
    (
        "https://figshare.com/articles/code/A_title/9784088/1",
        ("figshare", "https://figshare.com/articles/code/A_title/9784088/1", None, None, None),
    ),
    (
        "10.4211/hs.b8f6eae9d89241cf8b5904033460af61",
        ("hydroshare", "10.4211/hs.b8f6eae9d89241cf8b5904033460af61", None, None, None),
    ),
    (
        f"hydroshare.org/resource/{GIST}/",
        ("hydroshare", f"https://www.hydroshare.org/resource/{GIST}", None, None, None),
    ),
    ("10.7910/DVN/TJCLKP", ("dataverse", "10.7910/DVN/TJCLKP", None, None, None)),
    (
        "https://dataverse.harvard.edu/dataset.xhtml?persistentId=doi:10.7910/DVN/TJCLKP",
        ("dataverse", "10.7910/DVN/TJCLKP", None, None, None),
    ),
    (
        "https://data.example.org/dataset.xhtml?persistentId=hdl%3A11529/10016&version=2",
        (
            "dataverse",
            "https://data.example.org/dataset.xhtml?persistentId=hdl:11529/10016",
            None,
            None,
            None,
        ),
    ),
    (
        "https://demo.ckan.org/dataset/sample-1",
        ("ckan", "https://demo.ckan.org/dataset/sample-1", None, None, None),
    ),
    (
        "https://demo.ckan.org/en/dataset/sample-1/resource/1",
        ("ckan", "https://demo.ckan.org/en/dataset/sample-1", None, None, None),
    ),
    (f"swh:1:rev:{SHA}", ("swh", f"swh:1:rev:{SHA}", None, None, None)),
    (
        f"swh:1:dir:{SHA};origin=https://github.com/o/r;path=/a/b/",
        ("swh", f"swh:1:dir:{SHA}", None, "a/b", None),
    ),
    (
        f"https://archive.softwareheritage.org/swh:1:rev:{SHA};origin=https://github.com/o/r/",
        ("swh", f"swh:1:rev:{SHA}", None, None, None),
    ),
    (
        f"https://archive.softwareheritage.org/browse/directory/{SHA}/",
        ("swh", f"swh:1:dir:{SHA}", None, None, None),
    ),
    ("10.5281/zenodo.3242074 --path a.ipynb", ("zenodo", "10.5281/zenodo.3242074", None, "a.ipynb", None)),
    ("10.5281/zenodo.3242074 HEAD a.ipynb", ("zenodo", "10.5281/zenodo.3242074", None, "a.ipynb", None)),
    # By position and by flag
    ("o/r main", ("gh", OR, "main", None, None)),
    ("o/r main a/b.ipynb", ("gh", OR, "main", "a/b.ipynb", None)),
    ("o/r HEAD /a/./b/", ("gh", OR, None, "a/b", None)),
    ("o/r HEAD .", ("gh", OR, None, None, None)),
    ("o/r HEAD /", ("gh", OR, None, None, None)),
    ("--ref main o/r", ("gh", OR, "main", None, None)),
    ("--ref=main o/r --path=a", ("gh", OR, "main", "a", None)),
    ("o/r \u2014ref main \u2013path a", ("gh", OR, "main", "a", None)),
    ("o/r \u2014ref=main", ("gh", OR, "main", None, None)),
    ("o/r main --ref main", ("gh", OR, "main", None, None)),
    ("o/r main \u201cmy notes/a b.ipynb\u201d", ("gh", OR, "main", "my notes/a b.ipynb", None)),
    ("o/r --path='a b.ipynb'", ("gh", OR, None, "a b.ipynb", None)),
    ("o/r --path Ana's.ipynb", ("gh", OR, None, "Ana's.ipynb", None)),
    (f"{OR}/tree/feature/main/dir --ref feature/main", ("gh", OR, "feature/main", "dir", None)),
    (f"{OR}/tree/feature/main --ref feature/main", ("gh", OR, "feature/main", None, None)),
    ("o/r --open lab", ("gh", OR, None, None, "lab")),
    ("o/r --open JupyterLab", ("gh", OR, None, None, "lab")),
    ("o/r --open r-studio", ("gh", OR, None, None, "rstudio")),
    ("o/r --open classic", ("gh", OR, None, None, "nbclassic")),
    ("o/r --open code", ("gh", OR, None, None, "vscode")),
    ("o/r --open index.ipynb", ("gh", OR, None, "index.ipynb", None)),
    ("o/r --open docs/", ("gh", OR, None, "docs", None)),
    ("mybinder.org/v2/gh/o/r/main?urlpath=lab --open rstudio", ("gh", OR, "main", None, "rstudio")),
    # As it stands in sentences, and as Slack sends it
    ("<https://github.com/o/r|github.com/o/r>", ("gh", OR, None, None, None)),
    ("<https://github.com/o/r|github.com/o/r>@main", ("gh", OR, "main", None, None)),
    ("<https://github.com/o/r> main", ("gh", OR, "main", None, None)),
    ("<mailto:git@github.com|git@github.com>:o/r.git", ("gh", OR, None, None, None)),
    ("&lt;https://github.com/o/r&gt;", ("gh", OR, None, None, None)),
    ("https://mybinder.org/v2/gh/o/r/main?x=1&amp;urlpath=lab", ("gh", OR, "main", None, "lab")),
    ("https://github.com/o/r.", ("gh", OR, None, None, None)),
    ("https://github.com/o/r, main", ("gh", OR, "main", None, None)),
    ("(https://github.com/o/r).", ("gh", OR, None, None, None)),
    ("`o/r`", ("gh", OR, None, None, None)),
    ("*o/r*", ("gh", OR, None, None, None)),
    ('"https://github.com/o/r"!', ("gh", OR, None, None, None)),
    ("\ufeffhttps://github.com/o/\u200br\u00a0main\n", ("gh", OR, "main", None, None)),
    ("10.1000/a(1)b(2)", ("doi", "10.1000/a(1)b(2)", None, None, None)),
    (
        f"git clone --depth 1 -b dev --single-branch {OR}.git dir && cd dir",
        ("gh", OR, "dev", None, None),
    ),
    ("git clone https://github.com/o/r.git; cd r", ("gh", OR, None, None, None)),
    (
        f"git clone {OR}.git\ncd r\npip install -r requirements.txt",
        ("gh", OR, None, None, None),
    ),
    ("git clone -bdev -j8 https://github.com/o/r.git", ("gh", OR, "dev", None, None)),
    ("git clone -b v1.0 -- https://github.com/o/r", ("gh", OR, "v1.0", None, None)),
    ("gh repo clone o/r -- -b dev", ("gh", OR, "dev", None, None)),
    ("user@host:~$ git clone https://github.com/o/r", ("gh", OR, None, None, None)),
    ("% git clone https://github.com/o/r", ("gh", OR, None, None, None)),
    ("!git clone https://github.com/o/r", ("gh", OR, None, None, None)),
    ("python -m pip install git+https://github.com/o/r@main", ("gh", OR, "main", None, None)),
    ("pip install 'x @ git+https://github.com/o/r@main'", ("gh", OR, "main", None, None)),
    ("uv add git+https://github.com/o/r", ("gh", OR, None, None, None)),
    ("cookiecutter gh:o/r", ("gh", OR, None, None, None)),
    ("wget -O x.zip https://github.com/o/r/archive/main.zip", ("gh", OR, "main", None, None)),
    (f"git clone {OR} && cd r --ref dev", ("gh", OR, "dev", None, None)),
    ("o/r branch=dev,path=nb", ("gh", OR, "dev", "nb", None)),
    ("o/r PR 7", ("gh", OR, "refs/pull/7/head", None, None)),
    ("o/r pull request #7", ("gh", OR, "refs/pull/7/head", None, None)),
    ("o/r #7", ("gh", OR, "refs/pull/7/head", None, None)),
    ("gitlab:o/r !7", ("gl", "https://gitlab.com/o/r", "refs/merge-requests/7/head", None, None)),
    ("o/r with voila", ("gh", OR, None, None, "voila")),
    ("o/r dev in lab", ("gh", OR, "dev", None, "lab")),
    ("o/r for 3 days branch dev", ("gh", OR, "dev", None, None)),
    ("o/r on branch dev for 2 hours, thanks!", ("gh", OR, "dev", None, None)),
    ("o/r till monday", ("gh", OR, None, None, None)),
    ("o/r / dev", ("gh", OR, "dev", None, None)),
    ("o/r main...", ("gh", OR, "main", None, None)),
    ("o/r\u2026", ("gh", OR, None, None, None)),
    ("o/r !", ("gh", OR, None, None, None)),
    ("# o/r", ("gh", OR, None, None, None)),
    ("[Binder]: https://mybinder.org/v2/gh/o/r/main", ("gh", OR, "main", None, None)),
    ("check out https://github.com/o/r", ("gh", OR, None, None, None)),
    *((f"o/r {word}", ("gh", OR, "refs/pull/7/head", None, None)) for word in ("PR#7", "PR: 7", "pull/7")),
    ("gl:o/r merge_requests/7", ("gl", "https://gitlab.com/o/r", "refs/merge-requests/7/head", None, None)),
    ("o/r PR 7 nb/a.ipynb", ("gh", OR, "refs/pull/7/head", "nb/a.ipynb", None)),
    ("o/r --ref dev nb/a.ipynb", ("gh", OR, "dev", "nb/a.ipynb", None)),
    ("o/r rev 0123456", ("gh", OR, "0123456", None, None)),
    *((f"o/r {word}", ("gh", OR, None, None, None)) for word in ("duration=2h", "time: 2h", "hours=6")),
    ("--repo o/r --ref dev", ("gh", OR, "dev", None, None)),
    (f"--url={OR}", ("gh", OR, None, None, None)),
]


@pytest.mark.parametrize(("text", "expected"), UNDERSTOOD, ids=[text for text, _ in UNDERSTOOD])
def test_what_people_paste_is_understood(text: str, expected: tuple[str | None, ...]) -> None:
    spec = parse_repo(text)
    assert (spec.provider.value, spec.url, spec.ref, spec.path, spec.interface) == expected


URLPATHS = [
    ("lab", "lab", None),
    ("/lab", "lab", None),
    ("lab/tree/a/b.ipynb", "lab", "a/b.ipynb"),
    ("lab/tree/a%20b.ipynb", "lab", "a b.ipynb"),
    ("lab/workspaces/x/tree/a.ipynb?reset", "lab", "a.ipynb"),
    ("doc/tree/a.ipynb", "lab", "a.ipynb"),
    ("tree", "notebook", None),
    ("tree/a.ipynb", "notebook", "a.ipynb"),
    ("notebooks/a.ipynb", "notebook", "a.ipynb"),
    ("rstudio", "rstudio", None),
    ("rstudio/", "rstudio", None),
    ("shiny/", "shiny", None),
    ("shiny/app/", "shiny", "app"),
    ("voila/render/a.ipynb", "voila", "a.ipynb"),
    ("nteract", "nteract", None),
    ("nteract/edit/a.ipynb", "nteract", "a.ipynb"),
    ("nbclassic/notebooks/a.ipynb", "nbclassic", "a.ipynb"),
    ("desktop/", "desktop", None),
    ("vscode", "vscode", None),
    ("proxy/8501/", "/proxy/8501/", None),
    ("rstudio/x", "/rstudio/x", None),
    (
        "git-pull?repo=https://github.com/a/b&urlpath=lab/tree/b/",
        "/git-pull?repo=https://github.com/a/b&urlpath=lab/tree/b/",
        None,
    ),
]


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


@pytest.mark.parametrize(("urlpath", "interface", "path"), URLPATHS)
def test_what_a_launch_link_opens(urlpath: str, interface: str, path: str | None) -> None:
    spec = parse_repo(f"https://mybinder.org/v2/gh/o/r/main?urlpath={quoted(urlpath)}")
    assert (spec.interface, spec.path) == (interface, path)


@pytest.mark.parametrize(
    "urlpath",
    [
        "https://evil.example/",
        "HTTPS:evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "%2F%2Fevil.example",
        "%252F%252Fevil.example",
        "javascript:alert(1)",
        "javascript%3Aalert(1)",
        "lab/../../evil",
        "lab/%2e%2e/evil",
        "lab/%252e%252e/evil",
        "lab\nx",
        "lab/tree/%0aSet-Cookie:x",
        "%25252525252F/evil",
    ],
)
@pytest.mark.parametrize("parameter", ["urlpath", "labpath", "filepath"])
def test_a_launch_link_cannot_lead_away_from_the_server(urlpath: str, parameter: str) -> None:
    with pytest.raises(SpecError):
        parse_repo(f"https://mybinder.org/v2/gh/o/r/main?{parameter}={quoted(urlpath)}")


# What is pasted -> what the sentence must name
REFUSED: list[tuple[str, str]] = [
    ("", "No repository was named"),
    ("   ", "No repository was named"),
    ("--ref main", "No repository was named"),
    ("\u200b", "No repository was named"),
    ("word", "“word” is not a repository"),
    ("https://github.com/o", "names no repository"),
    ("https://github.com/", "names no repository"),
    ("https://gitlab.com/g", "names no repository"),
    ("https://git.example.org/", "names no repository"),
    ("https://gist.github.com/u", "names no gist"),
    ("https://github.com/o/r/issues/3", "“issues”"),
    ("https://github.com/o/r/releases", "list of releases"),
    ("https://github.com/-o/r", "“-o”"),
    ("https://github.com/o/r%20x", "cannot be the name"),
    ("https://github.com/o/../x", "leads elsewhere"),
    ("https://github.com/o/%2e%2e/r", "leads elsewhere"),
    ("https://git.example.org/a/../b.git", "leads elsewhere"),
    ("https://git.example.org/a/%0a/b.git", "leads elsewhere"),
    ("https://git.example.org/a%ff/b.git", "percent signs"),
    ("https://exa mple.org/a/b c d", "one word too many"),
    ("https://-x.example/a/b", "not the name of a host"),
    ("https://github.com:port/o/r", "a port that cannot be read"),
    ("https://github.com\\@evil.example/o/r", "backslash"),
    ("o/r@", "ends in “@”"),
    ("o/r main a b", "“b” is one word too many"),
    ("o/r --reff main", "Did you mean --ref?"),
    ("o/r -ref main", "Did you mean --ref?"),
    ("o/r --zzzzzz 1", "There are --ref, --path"),
    ("o/r --ref", "--ref needs a value"),
    ("o/r --ref=", "--ref needs a value"),
    ("o/r --ref --path a", "--ref needs a value"),
    ("o/r main --ref dev", "ref is given twice: “main” and “dev”"),
    ("o/r@main dev", "ref is given twice: “main” and “dev”"),
    ("o/r --ref main --ref dev", "--ref is given twice"),
    (f"{OR}/tree/main --ref dev", "ref is given twice"),
    ("o/r main a --path b", "path is given twice"),
    ("o/r main a --open b.ipynb", "path is given twice"),
    ("o/r --open jupiterlab", "Did you mean lab?"),
    ("o/r --open xyzxyz", "There are lab, notebook"),
    ('o/r main "a b', "never closed"),
    ("o/r main ../x", "leaves the repository"),
    ("o/r main a/../../x", "leaves the repository"),
    (f"{OR}/blob/main/%2e%2e/x", "leads elsewhere"),
    ("o/r main a\\b", "“/”"),
    ('o/r --path "-x"', "needs a value"),
    ("o/r main .x/..", "leaves the repository"),
    ("o/r a..b", "“a..b”"),
    ("o/r a~1", "“a~1”"),
    ("o/r main:x", "“main:x”"),
    ("o/r main.lock", "“main.lock”"),
    ("o/r @", "“@”"),
    (f"o/r {'x' * 256}", "longer than 255"),
    ("o/r --name " + "x" * 81, "--name is longer"),
    ("10.5281/zenodo.1 main", "an archive"),
    ("10.5281", "is not a DOI"),
    ("10.5281/", "is not a DOI"),
    ("https://zenodo.org/communities/x", "no record on Zenodo"),
    ("https://figshare.com/collections/x", "no article on Figshare"),
    ("https://hydroshare.org/user/1", "no resource on HydroShare"),
    ("https://colab.research.google.com/drive/1", "no repository on GitHub"),
    ("https://mybinder.org/v2/bz/o/r", "no launch link"),
    ("https://mybinder.org/v2/git/file%3A%2F%2F%2Fetc/main", "file://"),
    ("https://mybinder.org/v2/git/ext%3A%3Ash%20-c%20id/main", "is no repository"),
    ("https://mybinder.org/v2/git/https%3A%2F%2Fx.example%2Fv2%2Fgh%2Fo%2Fr/main", "is no repository"),
    (f"swh:1:cnt:{SHA}", "swh:1:rev"),
    (f"swh:1:snp:{SHA}", "swh:1:rev"),
    (f"swh:1:rel:{SHA}", "swh:1:rev"),
    ("swh:1:rev:abc", "40 hexadecimal digits"),
    ("git@git.example.org:o/r.git", "needs a key"),
    ("ssh://git@git.example.org/o/r.git", "needs a key"),
    ("git://git.example.org/o/r.git", "git://"),
    ("file:///etc/passwd", "“file://”"),
    ("ftp://example.org/x", "“ftp://”"),
    ("javascript:alert(1)", "is not a repository"),
    ("/etc/passwd", "somebody's own machine"),
    ("./x", "somebody's own machine"),
    ("../x", "somebody's own machine"),
    ("~/x", "somebody's own machine"),
    ("C:\\x", "somebody's own machine"),
    ("--upload-pack=touch", "“--upload-pack”"),
    ("-oProxyCommand=x", "“-oProxyCommand”"),
    ("--", "looks like an option"),
    ('"ext::sh -c id"', "special transport"),
    ("o/r\x1b[31m", "control character (U+001B)"),
    ("o/r\x00", "control character (U+0000)"),
    ("o/r \ud800", "control character (U+D800)"),
    ("o/\u202er", "reverses writing (U+202E)"),
    ("x" * (MAX_TEXT + 1), "4,001 characters long"),
    (f"{OR} {OR}", "second link"),
    ("git clone https://github.com/o/r dir jupyter lab", "one word too many"),
    ("o/r main ..", "leaves the repository"),
    ("o/r issue 7", "“issue” is not understood"),
    ("o/r colour=red", "no option"),
    ("o/r in nb", "“in” is not understood"),
    ("o/r named foo", "“named” is not understood"),
    ("o/r checkout dev", "“checkout” is not understood"),
    ("branch dev of o/r", "“branch” is not a repository"),
    (f"My cool repo {OR}", "“cool” is not a repository"),
]


@pytest.mark.parametrize(("text", "named"), REFUSED, ids=[ascii(text)[:60] for text, _ in REFUSED])
def test_what_cannot_be_launched_is_named(text: str, named: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(text)
    assert named in caught.value.sentence
    assert len(caught.value.sentence) < 250
    assert caught.value.sentence.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@github.com/o/r",
        "https://hunter2hunter2hunter2hunter2hunter2@github.com/o/r",
        "https://user:hunter2@git.example.org:8443/o/r.git main",
        "ssh://user:hunter2@github.com/o/r",
        "git+https://user:hunter2@github.com/o/r",
        "user:hunter2@github.com/o/r",
        "<https://user:hunter2@github.com/o/r|repo>",
        "o/r main --path https://user:hunter2@github.com/o/r",
        "https://user:hunter2@[/o/r",
        "o/r ghp_hunter2hunter2hunter2hunter2",
        "mybinder.org/v2/git/https%3A%2F%2Fuser%3Ahunter2%40github.com%2Fo%2Fr/main",
    ],
)
def test_a_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(text)
    assert "hunter2" not in repr(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


def test_the_rest_of_a_request() -> None:
    request = parse_launch('o/r --size m3.small --for "3 h" --name "My class" main')
    assert request == LaunchRequest(RepoSpec(Provider.GITHUB, OR, "main"), "m3.small", "My class", "3 h")
    assert parse_launch("o/r") == LaunchRequest(RepoSpec(Provider.GITHUB, OR))


@pytest.mark.parametrize(
    "typed",
    ["o/r --rebuild main", "--rebuild o/r main", "o/r main \u2014rebuild", "o/r main --REBUILD --no-cache"],
)
def test_a_launch_is_built_anew_where_that_is_asked_for(typed: str) -> None:
    assert parse_launch(typed) == LaunchRequest(RepoSpec(Provider.GITHUB, OR, "main"), rebuild=True)


def test_to_build_anew_takes_no_value() -> None:
    with pytest.raises(SpecError, match="has a value, and --rebuild takes none"):
        parse_launch("o/r --rebuild=main")


def test_a_spec_as_json() -> None:
    assert parse_repo("o/r main a.ipynb --open lab").to_json() == {
        "provider": "gh",
        "url": OR,
        "ref": "main",
        "path": "a.ipynb",
        "interface": "lab",
    }


# --- for any text ---------------------------------------------------------------------------------------

PIECES = [text for text, _ in UNDERSTOOD] + [text for text, _ in REFUSED if len(text) < 300]
GLUE = ["/", "@", " ", "%2F", "..", "//", "?urlpath=", "#", "-", "--ref ", '"', "<", ">", "|", ":", "%", "\\"]
texts = st.one_of(
    st.text(max_size=80),
    st.sampled_from(PIECES),
    st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(GLUE), st.text(max_size=8)), max_size=6).map(
        "".join
    ),
)


def parsed(text: str) -> RepoSpec | None:
    """What a text says; None where it is refused, which is as well."""
    try:
        return parse_repo(text)
    except SpecError:
        return None


@given(texts)
def test_any_text_gives_a_sound_spec_or_a_sentence(text: str) -> None:
    spec = parsed(text)
    if spec is None:
        return
    hidden = [char for char in spec.url if char.isspace() or unicodedata.category(char)[0] == "C"]
    assert not hidden
    assert spec.url.isascii()
    parts = urlsplit(spec.url)
    if spec.url.startswith("http"):
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert parts.username is None
        assert parts.password is None
    else:
        assert spec.url.startswith(("10.", "swh:1:"))
    assert not (spec.ref or "").startswith("-")
    assert not (spec.path or "").startswith(("-", "/"))
    assert ".." not in (spec.path or "").split("/")
    assert spec.ref not in {"", "HEAD"}
    assert spec.path != ""
    assert (
        spec.interface is None or spec.interface in BY_KEY or spec.interface[0] == "/" != spec.interface[1:2]
    )


@given(st.one_of(texts, st.text(min_size=200, max_size=600)))
def test_any_refusal_is_one_short_line(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(f"{text}\n--zzz 1")
    assert caught.value.sentence.isprintable()
    assert len(caught.value.sentence) < 300


@given(texts)
@example(
    "https://mybinder.org/v2/gh/o/r/feature/main?labpath=a%2Fb.ipynb"
    "swh:1:dir:0123456789abcdef0123456789abcdef01234567;origin=https://github.com/o/r;path=/a/b/"
)
def test_what_was_understood_is_understood_again(text: str) -> None:
    spec = parsed(text)
    if spec is None:
        return
    words = [f'{flag}="{value}"' for flag, value in (("--ref", spec.ref), ("--path", spec.path)) if value]
    assume(not any(char in word[1:] for word in words for char in "\u201c\u201d\u2018\u2019&<>"))
    assume(not any('"' in (value or "") for value in (spec.ref, spec.path)))
    # The punctuation of a sentence is taken off the end of a value, also where a link had it.
    assume(all(undecorated(value) == value for value in (spec.ref, spec.path) if value))
    again = parse_repo(" ".join([spec.url, *words]))
    assert (again.provider, again.url, again.ref, again.path) == (
        spec.provider,
        spec.url,
        spec.ref,
        spec.path,
    )


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<a ",
        "[",
        "[![",
        "a/",
        "@",
        '"',
        " ",
        "%",
        "%25",
        "a:",
        "..",
        ".. image:: ",
        "10.1234/",
        ")",
        "-",
        "https://",
    ],
)
@pytest.mark.parametrize("length", [MAX_TEXT, 10_000])
def test_no_text_takes_long(unit: str, length: int) -> None:
    text = (unit * length)[:length]
    begun = time.process_time()
    for prefix in ("", "o/r ", "https://mybinder.org/v2/gh/o/r/main?urlpath="):
        with pytest.raises(SpecError):  # noqa: PT012 - some of these are understood, which is as well
            parse_launch((prefix + text)[:length])
            raise SpecError("understood")
    assert time.process_time() - begun < 1


@pytest.mark.process
def test_the_parser_loads_at_once() -> None:
    heavy = {"requests", "sqlalchemy", "pydantic", "socket", "subprocess", "ssl"}
    code = f"import sys, bot.repositories.launch_text; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_ascii_art_is_no_ref() -> None:
    accepted = [char for char in string.punctuation if _is_ref(f"a{char}b")]
    assert "".join(accepted) == "!#$%&'()+,-./;<=>@]_`{|}"


def _is_ref(ref: str) -> bool:
    try:
        return parse_launch(f'o/r "{ref}"').spec.ref == ref
    except SpecError:
        return False


@pytest.mark.parametrize(
    ("text", "duration", "ref"),
    [
        ("o/r --for 6h main", "6h", "main"),
        ("o/r --for until 18:00", "until 18:00", None),
        ("o/r main --for until friday 18:00 --size large", "until friday 18:00", "main"),
        ("o/r --for=until tomorrow at 9:30 --size large", "until tomorrow at 9:30", None),
        ("--for until 6 pm o/r main", "until 6 pm", "main"),
        ("--for Until Fri o/r", "Until Fri", None),
        ("o/r --for “until 2026-11-24 09:00”", "until 2026-11-24 09:00", None),
        ("o/r --for until 2026-11-24 09:00", "until 2026-11-24 09:00", None),
        ("--for until tonight 10.5281/zenodo.3242074", "until tonight", None),
        ("o/r --for 6 hours main", "6 hours", "main"),
        ("o/r --for=6 h main", "6 h", "main"),
        ("o/r --for 6h, main", "6h", "main"),
        ("o/r --for an hour", "an hour", None),
        ("o/r --for until end of day", "until end of day", None),
        ("o/r --for until next monday", "until next monday", None),
        ("o/r --for until 1.12. 09:00 main", "until 1.12. 09:00", "main"),
        ("o/r --for until 2026-12-01T09:00Z", "until 2026-12-01T09:00Z", None),
        ("o/r --for until 9am Europe/Berlin main", "until 9am Europe/Berlin", "main"),
        ("o/r --until 18:00", "until 18:00", None),
        ("o/r --until=18:00 tomorrow main", "until 18:00 tomorrow", "main"),
        ("o/r --until until 18:00", "until 18:00", None),
        ("o/r --hours 6 main", "6 hours", "main"),
        ("o/r --hours 6h main", "6h", "main"),
        ("o/r --minutes 90", "90 minutes", None),
        ("o/r for 6 hours", "6 hours", None),
        ("o/r until the end of the day", "until the end of the day", None),
        ("o/r main until friday 18:00 --size large", "until friday 18:00", "main"),
        ("o/r --for 6h --ref next", "6h", "next"),
    ],
)
def test_a_time_takes_the_words_of_a_time_without_quotes(text: str, duration: str, ref: str | None) -> None:
    request = parse_launch(text)
    assert (request.duration, request.spec.ref) == (duration, ref)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("o/r --for soon main", "“soon” is not a time"),
        ("o/r --for until", "“until” is not a time"),
        ("o/r --for until end of term main", "“until end of term” is not a time"),
        ("o/r --for 6h and more main", "“6h and more” is not a time"),
        ("o/r --for 1 month main", "“1 month” is not a time"),
        ("o/r --for 6h next", "“6h next” is not a time"),
        ("o/r --for until 1.12. 25:00", "“until 1.12. 25:00” is not a time"),
        ("o/r for a while", "“a while” is not a time"),
        ("o/r until forever", "“until forever” is not a time"),
        ("o/r --until soon main", "“until soon” is not a time"),
        ("o/r --hours many", "“many” is not a time"),
        ("o/r --for 90 main", "“90” can mean `90 min` or `90 h`"),
        ("o/r --for 18:00", "“18:00” can mean `18 h` or `until 18:00`"),
        ("o/r --until 12/1", "“until 12/1” can mean `until 1 december` or"),
        ("o/r --for", "--for needs a value"),
        ("o/r --until --size large", "--until needs a value"),
    ],
)
def test_words_that_are_no_time_are_refused_by_name(text: str, refused: str) -> None:
    with pytest.raises(SpecError, match=re.escape(refused)):
        parse_launch(text)


def test_words_before_a_repository_are_refused_with_the_way_on() -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(f"branch dev of {OR}/tree/main")
    assert caught.value.hint == f"Begin with the repository: {OR}"


def test_a_secret_behind_other_words_is_not_repeated() -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(f"foo {OR}?token=abc123")
    assert "abc123" not in str(caught.value) + str(caught.value.hint)

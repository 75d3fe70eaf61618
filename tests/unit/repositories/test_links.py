"""What links of each forge, archive and opener mean; each row is an address as a browser shows it."""

import pytest

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch, parse_repo

SHA = "0123456789abcdef0123456789abcdef01234567"
GIST = "a1b2c3d4e5f60718293a4b5c6d7e8f90"

Expected = tuple[str | None, str | None]
"""Ref and path."""

GITHUB: list[tuple[str, Expected]] = [
    ("", (None, None)),
    ("/", (None, None)),
    (".git", (None, None)),
    ("/tree/main", ("main", None)),
    ("/tree/main/nb", ("main", "nb")),
    ("/tree/feature%2Fx/nb", ("feature/x", "nb")),
    ("/tree/refs/tags/v1/nb", ("refs/tags/v1", "nb")),
    ("/blob/main/nb/a.ipynb", ("main", "nb/a.ipynb")),
    ("/blob/main/nb/a%20b.ipynb?plain=1#L3", ("main", "nb/a b.ipynb")),
    ("/blame/main/a.py", ("main", "a.py")),
    ("/edit/main/a.py", ("main", "a.py")),
    ("/raw/main/a.py", ("main", "a.py")),
    ("/raw/refs/heads/main/a.py", ("refs/heads/main", "a.py")),
    ("/find/main", ("main", None)),
    ("/commits", (None, None)),
    ("/commits/main", ("main", None)),
    ("/commits/main/nb", ("main", "nb")),
    (f"/commit/{SHA}", (SHA, None)),
    ("/commit/0123456", ("0123456", None)),
    (f"/commit/{SHA}.patch", (SHA, None)),
    (f"/commit/{SHA}/checks", (SHA, None)),
    ("/releases/tag/v1.0", ("v1.0", None)),
    ("/releases/tag/pkg/v1.0", ("pkg/v1.0", None)),
    ("/releases/download/v1.0/a.zip", ("v1.0", None)),
    ("/archive/refs/heads/main.zip", ("refs/heads/main", None)),
    ("/archive/refs/tags/v1.0.tar.gz", ("refs/tags/v1.0", None)),
    ("/archive/main.zip", ("main", None)),
    ("/zipball/main", ("main", None)),
    ("/tarball/v1", ("v1", None)),
    ("/zipball/refs/tags/v1", ("refs/tags/v1", None)),
    ("/pull/7", ("refs/pull/7/head", None)),
    ("/pull/7/files", ("refs/pull/7/head", None)),
    ("/pull/7/commits", ("refs/pull/7/head", None)),
    ("/pull/7.patch", ("refs/pull/7/head", None)),
    (f"/pull/7/commits/{SHA}", (SHA, None)),
    ("/compare/main...dev", ("dev", None)),
    ("/compare/v1..v2", ("v2", None)),
    ("/compare/v1.0...v2.0.diff", ("v2.0", None)),
    ("/compare/v1.0...v2.0.patch", ("v2.0", None)),
    ("/compare/main...feature/x?expand=1", ("feature/x", None)),
    ("/compare/dev", ("dev", None)),
    ("@dev", ("dev", None)),
    ("@feature/x", ("feature/x", None)),
]
GITLAB: list[tuple[str, Expected]] = [
    ("", (None, None)),
    (".git", (None, None)),
    ("/-/tree/main", ("main", None)),
    ("/-/tree/main/nb?ref_type=heads", ("main", "nb")),
    ("/-/blob/main/a.ipynb", ("main", "a.ipynb")),
    ("/-/raw/main/a.ipynb?inline=false", ("main", "a.ipynb")),
    ("/-/blame/main/a.py", ("main", "a.py")),
    ("/-/edit/main/a.py", ("main", "a.py")),
    ("/-/commit/0123456", ("0123456", None)),
    ("/-/commits/main", ("main", None)),
    ("/-/commits", (None, None)),
    ("/-/tags/v1", ("v1", None)),
    ("/-/releases/v1", ("v1", None)),
    ("/-/archive/main/r-main.zip", ("main", None)),
    ("/-/archive/v1/r-v1.tar.gz", ("v1", None)),
    ("/-/archive/feature/x/r-feature-x.tar.bz2", ("feature/x", None)),
    ("/-/merge_requests/3", ("refs/merge-requests/3/head", None)),
    ("/-/merge_requests/3/diffs", ("refs/merge-requests/3/head", None)),
    ("/-/compare/main...dev", ("dev", None)),
    ("/-/network/main", ("main", None)),
    ("/-/find_file/main", ("main", None)),
    ("@v1", ("v1", None)),
]
OLD_GITLAB: list[tuple[str, Expected]] = [
    ("/tree/main/nb", ("main", "nb")),
    ("/blob/main/a.ipynb", ("main", "a.ipynb")),
    ("/raw/main/a.ipynb", ("main", "a.ipynb")),
    ("/commit/0123456", ("0123456", None)),
    ("/merge_requests/3", ("refs/merge-requests/3/head", None)),
]
BITBUCKET: list[tuple[str, Expected]] = [
    ("", (None, None)),
    (".git", (None, None)),
    ("/src", (None, None)),
    ("/src/main", ("main", None)),
    ("/src/main/", ("main", None)),
    ("/src/main/nb/a.ipynb", ("main", "nb/a.ipynb")),
    (f"/src/{SHA}/a.ipynb?at=main", (SHA, "a.ipynb")),
    ("/raw/main/a.ipynb", ("main", "a.ipynb")),
    ("/annotate/main/a.py", ("main", "a.py")),
    ("/branch/feature/x", ("feature/x", None)),
    ("/commits/all", (None, None)),
    ("/commits/0123456", ("0123456", None)),
    ("/commits/branch/feature/x", ("feature/x", None)),
    ("/commits/tag/v1", ("v1", None)),
    ("/get/v1.zip", ("v1", None)),
    ("/get/main.tar.gz", ("main", None)),
    ("/branches/compare/dev%0Dmain", ("dev", None)),
]
DATA_CENTER: list[tuple[str, Expected]] = [
    ("", (None, None)),
    ("/browse", (None, None)),
    ("/browse?at=main", ("main", None)),
    ("/browse/nb?at=refs%2Fheads%2Fmain", ("refs/heads/main", "nb")),
    ("/browse/nb/a.ipynb#12", (None, "nb/a.ipynb")),
    ("/raw/a.ipynb?at=v1", ("v1", "a.ipynb")),
    ("/commits?until=dev", ("dev", None)),
    ("/commits/0123456", ("0123456", None)),
    ("/archive?at=v1&format=zip", ("v1", None)),
    ("/pull-requests/7/overview", ("refs/pull-requests/7/from", None)),
    ("/compare/diff?sourceBranch=refs%2Fheads%2Fdev&targetBranch=main", ("refs/heads/dev", None)),
]
AZURE: list[tuple[str, Expected]] = [
    ("", (None, None)),
    ("?version=GBmain", ("main", None)),
    ("?path=/nb/a.ipynb&version=GBfeature/x&_a=contents", ("feature/x", "nb/a.ipynb")),
    ("?path=%2Fnb%2Fa.ipynb", (None, "nb/a.ipynb")),
    ("?version=GTv1", ("v1", None)),
    (f"?version=GC{SHA}", (SHA, None)),
    (f"/commit/{SHA}", (SHA, None)),
    (f"/commit/{SHA}?refName=refs%2Fheads%2Fmain", (SHA, None)),
    ("/pullrequest/7", ("refs/pull/7/merge", None)),
    ("/pullrequest/7?_a=files", ("refs/pull/7/merge", None)),
    ("/branchCompare?baseVersion=GBmain&targetVersion=GBdev&_a=files", ("dev", None)),
]
SOURCEHUT: list[tuple[str, Expected]] = [
    ("", (None, None)),
    ("/tree", (None, None)),
    ("/tree/main", ("main", None)),
    ("/tree/main/item/nb/a.ipynb", ("main", "nb/a.ipynb")),
    ("/blob/main/a.ipynb", ("main", "a.ipynb")),
    ("/log", (None, None)),
    ("/log/main", ("main", None)),
    ("/commit/0123456", ("0123456", None)),
    ("/refs/v1", ("v1", None)),
    ("/refs/download/v1/a.zip", ("v1", None)),
    ("/archive/v1.tar.gz", ("v1", None)),
]
GITEA: list[tuple[str, Expected]] = [
    ("", (None, None)),
    ("/src/branch/main", ("main", None)),
    ("/src/branch/main/nb/a.ipynb", ("main", "nb/a.ipynb")),
    ("/src/tag/v1/a.ipynb", ("v1", "a.ipynb")),
    (f"/src/commit/{SHA}/a.ipynb", (SHA, "a.ipynb")),
    ("/raw/branch/main/a.ipynb", ("main", "a.ipynb")),
    ("/media/branch/main/a.png", ("main", "a.png")),
    ("/blame/branch/main/a.py", ("main", "a.py")),
    ("/commits/branch/main", ("main", None)),
    ("/commit/0123456", ("0123456", None)),
    ("/releases/tag/v1", ("v1", None)),
    ("/releases/download/v1/a.zip", ("v1", None)),
    ("/archive/v1.zip", ("v1", None)),
    ("/archive/main.tar.gz", ("main", None)),
    ("/pulls/7", ("refs/pull/7/head", None)),
    ("/pulls/7/files", ("refs/pull/7/head", None)),
    ("/compare/main...dev", ("dev", None)),
    (f"/pulls/3/commits/{SHA}", (SHA, None)),
]
HUGGING_FACE: list[tuple[str, Expected]] = [
    ("", (None, None)),
    ("/tree/main", ("main", None)),
    ("/tree/main/nb", ("main", "nb")),
    ("/blob/main/a.ipynb", ("main", "a.ipynb")),
    ("/resolve/main/a.ipynb?download=true", ("main", "a.ipynb")),
    ("/raw/main/a.ipynb", ("main", "a.ipynb")),
    (f"/commit/{SHA}", (SHA, None)),
    ("/commits/main", ("main", None)),
    ("/discussions/7", ("refs/pr/7", None)),
    ("/tree/refs%2Fpr%2F7", ("refs/pr/7", None)),
]
CGIT: list[tuple[str, Expected]] = [
    ("/tree/nb?h=v1", ("v1", "nb")),
    ("/plain/nb/a.ipynb?h=v1", ("v1", "nb/a.ipynb")),
    (f"/commit/?id={SHA}", (SHA, None)),
    ("/log/?h=dev", ("dev", None)),
]

# Where a repository's pages begin -> provider and URL of the repository, and its pages
FORGES = [
    ("https://github.com/o/r", "gh", "https://github.com/o/r", GITHUB),
    ("o/r", "gh", "https://github.com/o/r", GITHUB),
    ("https://gitlab.com/g/r", "gl", "https://gitlab.com/g/r", GITLAB + OLD_GITLAB),
    ("https://gitlab.com/g/sub/deep/r", "gl", "https://gitlab.com/g/sub/deep/r", GITLAB),
    ("https://gitlab.example.org/g/s/r", "git", "https://gitlab.example.org/g/s/r", GITLAB[2:-1]),
    ("https://bitbucket.org/t/r", "git", "https://bitbucket.org/t/r", BITBUCKET),
    ("https://bb.example.org/projects/P/repos/r", "git", "https://bb.example.org/scm/P/r.git", DATA_CENTER),
    (
        "https://bb.example.org/x/projects/P/repos/r",
        "git",
        "https://bb.example.org/x/scm/P/r.git",
        DATA_CENTER,
    ),
    (
        "https://bb.example.org:7990/users/jane/repos/r",
        "git",
        "https://bb.example.org:7990/scm/~jane/r.git",
        DATA_CENTER,
    ),
    ("https://dev.azure.com/o/p/_git/r", "git", "https://dev.azure.com/o/p/_git/r", AZURE),
    (
        "https://dev.azure.com/o/My%20p/_git/My%20r",
        "git",
        "https://dev.azure.com/o/My%20p/_git/My%20r",
        AZURE,
    ),
    (
        "https://o.visualstudio.com/DefaultCollection/p/_git/r",
        "git",
        "https://dev.azure.com/o/p/_git/r",
        AZURE,
    ),
    ("https://tfs.example.org/tfs/c/p/_git/r", "git", "https://tfs.example.org/tfs/c/p/_git/r", AZURE),
    ("https://git.sr.ht/~u/r", "git", "https://git.sr.ht/~u/r", SOURCEHUT),
    ("https://codeberg.org/o/r", "git", "https://codeberg.org/o/r", GITEA),
    ("https://git.example.org/o/r", "git", "https://git.example.org/o/r", GITEA),
    ("https://huggingface.co/o/n", "git", "https://huggingface.co/o/n", HUGGING_FACE),
    ("https://hf.co/datasets/o/n", "git", "https://huggingface.co/datasets/o/n", HUGGING_FACE),
    ("https://huggingface.co/spaces/o/n", "git", "https://huggingface.co/spaces/o/n", HUGGING_FACE),
    ("https://huggingface.co/gpt2", "git", "https://huggingface.co/gpt2", HUGGING_FACE),
    ("https://git.kernel.org/pub/x/r.git", "git", "https://git.kernel.org/pub/x/r.git", CGIT),
]
PAGES = [
    (f"{begin}{page}", (provider, url, *expected))
    for begin, provider, url, pages in FORGES
    for page, expected in pages
]


@pytest.mark.parametrize(("link", "expected"), PAGES, ids=[link for link, _ in PAGES])
def test_a_page_of_a_forge_is_its_repository_ref_and_path(
    link: str, expected: tuple[str | None, ...]
) -> None:
    spec = parse_repo(link)
    assert (spec.provider.value, spec.url, spec.ref, spec.path) == expected


GH = "https://github.com/owner/repo"

# A link that holds a repository -> provider, url, ref, path, interface
WRAPPED: list[tuple[str, tuple[str | None, ...]]] = [
    # Other addresses of the same pages
    ("https://raw.githubusercontent.com/owner/repo/main/nb/a.ipynb", ("gh", GH, "main", "nb/a.ipynb", None)),
    ("https://codeload.github.com/owner/repo/zip/refs/heads/main", ("gh", GH, "refs/heads/main", None, None)),
    ("https://codeload.github.com/owner/repo/tar.gz/v1", ("gh", GH, "v1", None, None)),
    ("https://api.github.com/repos/owner/repo/zipball/v1", ("gh", GH, "v1", None, None)),
    (
        "https://gitlab.com/-/ide/project/g/r/edit/main/-/nb/a.ipynb",
        ("gl", "https://gitlab.com/g/r", "main", "nb/a.ipynb", None),
    ),
    (
        "https://gitlab.com/-/snippets/12345",
        ("git", "https://gitlab.com/snippets/12345.git", None, None, None),
    ),
    ("https://gitlab.com/snippets/12345", ("git", "https://gitlab.com/snippets/12345.git", None, None, None)),
    (
        "https://gitlab.com/g/r/-/snippets/12",
        ("git", "https://gitlab.com/g/r/snippets/12.git", None, None, None),
    ),
    (
        "https://gitlab.example.org/g/r/-/snippets/12",
        ("git", "https://gitlab.example.org/g/r/snippets/12.git", None, None, None),
    ),
    (
        f"https://gist.github.com/u/{GIST}/raw/{SHA}/a.ipynb",
        ("gist", f"https://gist.github.com/u/{GIST}", SHA, "a.ipynb", None),
    ),
    (
        f"https://gist.github.com/u/{GIST}/raw/a.ipynb",
        ("gist", f"https://gist.github.com/u/{GIST}", None, "a.ipynb", None),
    ),
    (
        f"https://gist.github.com/u/{GIST}/archive/{SHA}.zip",
        ("gist", f"https://gist.github.com/u/{GIST}", SHA, None, None),
    ),
    # Editors and viewers
    ("https://github.dev/owner/repo", ("gh", GH, None, None, None)),
    ("https://github.dev/owner/repo/blob/main/a.ipynb", ("gh", GH, "main", "a.ipynb", None)),
    ("https://github1s.com/owner/repo/tree/dev", ("gh", GH, "dev", None, None)),
    ("https://vscode.dev/github/owner/repo", ("gh", GH, None, None, None)),
    ("https://vscode.dev/github/owner/repo/blob/main/a.ipynb", ("gh", GH, "main", "a.ipynb", None)),
    ("https://insiders.vscode.dev/github/owner/repo/tree/dev", ("gh", GH, "dev", None, None)),
    ("https://vscode.dev/azurerepos/o/p/r", ("git", "https://dev.azure.com/o/p/_git/r", None, None, None)),
    ("https://codespaces.new/owner/repo?quickstart=1", ("gh", GH, None, None, None)),
    ("https://codespaces.new/owner/repo/tree/dev", ("gh", GH, "dev", None, None)),
    ("https://codespaces.new/owner/repo/pull/7", ("gh", GH, "refs/pull/7/head", None, None)),
    ("https://github.com/codespaces/new/owner/repo", ("gh", GH, None, None, None)),
    ("https://github.com/codespaces/new?repo=owner%2Frepo&ref=dev", ("gh", GH, "dev", None, None)),
    ("https://gitpod.io/#https://github.com/owner/repo", ("gh", GH, None, None, None)),
    ("https://gitpod.io#https://github.com/owner/repo/tree/dev", ("gh", GH, "dev", None, None)),
    ("https://gitpod.io/new/#https://github.com/owner/repo", ("gh", GH, None, None, None)),
    ("https://gitpod.io/#A=1,B=2/https://gitlab.com/g/r", ("gl", "https://gitlab.com/g/r", None, None, None)),
    ("https://app.ona.com/#https://github.com/owner/repo", ("gh", GH, None, None, None)),
    ("https://nbviewer.org/github/owner/repo/tree/main/nb", ("gh", GH, "main", "nb", None)),
    (
        "https://nbviewer.org/url/raw.githubusercontent.com/owner/repo/main/a.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    (
        "https://nbviewer.org/urls/gitlab.com/g/r/-/raw/main/a.ipynb",
        ("gl", "https://gitlab.com/g/r", "main", "a.ipynb", None),
    ),
    (
        "https://nbviewer.org/format/slides/github/owner/repo/blob/main/a.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    (
        "https://colab.research.google.com/github/owner/repo/blob/main/a.ipynb#scrollTo=x",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    ("https://colab.research.google.com/github/owner/repo", ("gh", GH, None, None, None)),
    (
        f"https://colab.research.google.com/gist/u/{GIST}/a.ipynb",
        ("gist", f"https://gist.github.com/u/{GIST}", None, None, None),
    ),
    (
        "https://colab.research.google.com/#fileId=https%3A//github.com/owner/repo/blob/main/a.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    ("https://githubtocolab.com/owner/repo/blob/main/a.ipynb", ("gh", GH, "main", "a.ipynb", None)),
    (
        "https://kaggle.com/kernels/welcome?src=https://github.com/owner/repo/blob/main/a.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    (
        "https://www.kaggle.com/notebooks/welcome?src=https%3A%2F%2Fgithub.com%2Fowner%2Frepo%2Fblob%2Fmain%2Fa.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    (
        "https://deepnote.com/launch?url=https://github.com/owner/repo/blob/main/a.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    (
        "https://deepnote.com/launch?template=data-science&url=https%3A%2F%2Fgithub.com%2Fowner%2Frepo",
        ("gh", GH, None, None, None),
    ),
    (
        "https://studiolab.sagemaker.aws/import/github/owner/repo/blob/main/a.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    (
        "https://console.paperspace.com/github/owner/repo/blob/main/a.ipynb",
        ("gh", GH, "main", "a.ipynb", None),
    ),
    ("https://open.vscode.dev/owner/repo", ("gh", GH, None, None, None)),
    ("https://stackblitz.com/github/owner/repo/tree/dev", ("gh", GH, "dev", None, None)),
    ("https://codesandbox.io/p/github/owner/repo/dev", ("gh", GH, "dev", None, None)),
    ("https://idx.google.com/import?url=https://github.com/owner/repo", ("gh", GH, None, None, None)),
    # nbgitpuller, on any hub
    (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fowner%2Frepo&branch=main&urlpath=lab%2Ftree%2Frepo%2Fa.ipynb",
        ("gh", GH, "main", "a.ipynb", "lab"),
    ),
    (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https://github.com/owner/repo",
        ("gh", GH, None, None, None),
    ),
    (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https://github.com/owner/repo.git&urlpath=tree/repo/nb/a.ipynb",
        ("gh", GH, None, "nb/a.ipynb", "notebook"),
    ),
    (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https://github.com/owner/repo&subPath=nb/a.ipynb&app=lab",
        ("gh", GH, None, "nb/a.ipynb", None),
    ),
    (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https://github.com/owner/repo&targetPath=course&urlpath=lab/tree/course/a.ipynb",
        ("gh", GH, None, "a.ipynb", "lab"),
    ),
    (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https://github.com/owner/repo&urlpath=rstudio/",
        ("gh", GH, None, None, "rstudio"),
    ),
    (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https://github.com/owner/repo&urlpath=lab/tree/repo/%3Fautodecode",
        ("gh", GH, None, None, "lab"),
    ),
    (
        "https://hub.example.org/user/jane/git-pull?repo=https://gitlab.com/g/r&branch=dev",
        ("gl", "https://gitlab.com/g/r", "dev", None, None),
    ),
    (
        "https://hub.example.org/hub/login?next=%2Fhub%2Fuser-redirect%2Fgit-pull%3Frepo%3Dhttps%253A%252F%252Fgithub.com%252Fowner%252Frepo%26branch%3Dmain",
        ("gh", GH, "main", None, None),
    ),
    (
        "https://hub.example.org/hub/spawn?next=/hub/user-redirect/git-pull%3Frepo%3Dhttps://github.com/owner/repo",
        ("gh", GH, None, None, None),
    ),
    # BinderHubs
    (
        "https://mybinder.org/v2/gh/owner/repo/main?urlpath=lab?path=a.ipynb",
        ("gh", GH, "main", "a.ipynb", "lab"),
    ),
    (
        "https://mybinder.org/v2/gh/owner/repo/main?urlpath=lab&labpath=x.ipynb",
        ("gh", GH, "main", "x.ipynb", "lab"),
    ),
    (
        "https://mybinder.org/v2/gh/owner/repo/main?filepath=x.ipynb&urlpath=lab",
        ("gh", GH, "main", "x.ipynb", "lab"),
    ),
    (
        "https://mybinder.org/v2/gh/owner/repo/main?urlpath=%2Flab%2Ftree%2Fx.ipynb",
        ("gh", GH, "main", "x.ipynb", "lab"),
    ),
    ("https://mybinder.org/repo/owner/repo/nb/x.ipynb", ("gh", GH, None, "nb/x.ipynb", None)),
    ("https://mybinder.org/repo/owner/repo/notebooks/x.ipynb", ("gh", GH, None, "x.ipynb", "notebook")),
    (
        "https://binder.example.org/v2/gh/owner/repo/main/?urlpath=git-pull?repo=https://github.com/o/c%26amp%3Burlpath=lab/tree/c/a.ipynb",
        ("gh", GH, "main", None, "/git-pull?repo=https://github.com/o/c&urlpath=lab/tree/c/a.ipynb"),
    ),
    (
        f"https://mybinder.org/v2/hydroshare/https%3A%2F%2Fwww.hydroshare.org%2Fresource%2F{GIST}%2F",
        ("hydroshare", f"https://www.hydroshare.org/resource/{GIST}", None, None, None),
    ),
    (
        f"https://mybinder.org/v2/hydroshare/https://www.hydroshare.org/resource/{GIST}",
        ("hydroshare", f"https://www.hydroshare.org/resource/{GIST}", None, None, None),
    ),
    (
        "https://mybinder.org/v2/zenodo/https%3A%2F%2Fzenodo.org%2Frecords%2F3242074",
        ("zenodo", "10.5281/zenodo.3242074", None, None, None),
    ),
    (
        "https://mybinder.org/v2/zenodo/doi:10.5281/zenodo.3242074",
        ("zenodo", "10.5281/zenodo.3242074", None, None, None),
    ),
    (
        "https://mybinder.org/v2/dataverse/https%3A%2F%2Fdataverse.harvard.edu%2Fdataset.xhtml%3FpersistentId%3Ddoi%3A10.7910%2FDVN%2FTJCLKP",
        ("dataverse", "10.7910/DVN/TJCLKP", None, None, None),
    ),
    (
        "https://mybinder.org/v2/ckan/https%3A%2F%2Fdemo.ckan.org%2Fdataset%2Fx%3Factivity_id%3Dab-12",
        ("ckan", "https://demo.ckan.org/dataset/x?activity_id=ab-12", None, None, None),
    ),
    (
        "https://demo.ckan.org/dataset/x?activity_id=ab-12",
        ("ckan", "https://demo.ckan.org/dataset/x?activity_id=ab-12", None, None, None),
    ),
    (
        "https://demo.ckan.org/dataset/x/history/ab-12",
        ("ckan", "https://demo.ckan.org/dataset/x?activity_id=ab-12", None, None, None),
    ),
    ("https://mybinder.org/v2/gh/owner/repo/main%3Flabpath=a.ipynb", ("gh", GH, "main", "a.ipynb", "lab")),
    (
        "https://mybinder.org/v2/gh/owner/repo/main%3Furlpath%3Dlab%2Ftree%2Fa.ipynb",
        ("gh", GH, "main", "a.ipynb", "lab"),
    ),
    ("https://mybinder.org/v2/gh/owner%2Frepo/main", ("gh", GH, "main", None, None)),
    # What stands behind /v2/, and other shorthands
    ("owner/repo?urlpath=lab/tree/a.ipynb", ("gh", GH, None, "a.ipynb", "lab")),
    ("https://github.com/owner/repo/tree/main?labpath=a.ipynb", ("gh", GH, "main", "a.ipynb", "lab")),
    ("https://github.com/owner/repo.git#dev", ("gh", GH, "dev", None, None)),
    ("git+https://github.com/owner/repo.git#egg=repo", ("gh", GH, None, None, None)),
    ("gh/owner/repo", ("gh", GH, None, None, None)),
    ("gh/owner/repo/main", ("gh", GH, "main", None, None)),
    ("gh/owner/repo/feature/x", ("gh", GH, "feature/x", None, None)),
    ("gl/g%2Fsub%2Fr/main", ("gl", "https://gitlab.com/g/sub/r", "main", None, None)),
    (f"gist/u/{GIST}", ("gist", f"https://gist.github.com/u/{GIST}", None, None, None)),
    (
        "git/https%3A%2F%2Fgit.example.org%2Ft%2Fr.git/v1",
        ("git", "https://git.example.org/t/r.git", "v1", None, None),
    ),
    ("zenodo/10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("gh:owner/repo", ("gh", GH, None, None, None)),
    ("github:owner/repo#dev", ("gh", GH, "dev", None, None)),
    ("gh:owner/repo@dev", ("gh", GH, "dev", None, None)),
    ("gl:g/sub/r", ("gl", "https://gitlab.com/g/sub/r", None, None, None)),
    ("gitlab:g/r", ("gl", "https://gitlab.com/g/r", None, None, None)),
    ("bitbucket:t/r", ("git", "https://bitbucket.org/t/r", None, None, None)),
    (f"gist:{GIST}", ("gist", f"https://gist.github.com/{GIST}", None, None, None)),
    ("owner/repo/main", ("gh", GH, "main", None, None)),
    ("owner/repo/main/nb/a.ipynb", ("gh", GH, "main", "nb/a.ipynb", None)),
    # A user's name, which clone buttons write
    ("https://jane@bitbucket.org/t/r.git", ("git", "https://bitbucket.org/t/r", None, None, None)),
    (
        "https://org@dev.azure.com/org/p/_git/r",
        ("git", "https://dev.azure.com/org/p/_git/r", None, None, None),
    ),
    (
        "https://jane.doe@git.example.org/t/r.git",
        ("git", "https://git.example.org/t/r.git", None, None, None),
    ),
    (
        "https://jane%40example.org@git.example.org/t/r.git",
        ("git", "https://git.example.org/t/r.git", None, None, None),
    ),
    ("ssh://jane@bitbucket.org/t/r.git", ("git", "https://bitbucket.org/t/r", None, None, None)),
    ("ssh://git@hf.co/datasets/o/n", ("git", "https://huggingface.co/datasets/o/n", None, None, None)),
    ("https://raw.github.com/owner/repo/main/a.ipynb", ("gh", GH, "main", "a.ipynb", None)),
    ("https://media.githubusercontent.com/media/owner/repo/main/a.csv", ("gh", GH, "main", "a.csv", None)),
    ("//github.com/owner/repo", ("gh", GH, None, None, None)),
    ("https://https://github.com/owner/repo", ("gh", GH, None, None, None)),
    ("github.com:owner/repo.git", ("gh", GH, None, None, None)),
    ("owner/repo:main", ("gh", GH, "main", None, None)),
    ("owner/repo#7", ("gh", GH, "refs/pull/7/head", None, None)),
    (
        "https://api.bitbucket.org/2.0/repositories/owner/repo/src/main/a.ipynb",
        ("git", "https://bitbucket.org/owner/repo", "main", "a.ipynb", None),
    ),
    (
        "https://bb.example.org/projects/~jane/repos/r/browse?at=dev",
        ("git", "https://bb.example.org/scm/~jane/r.git", "dev", None, None),
    ),
    (
        "https://bb.example.org/users/~jane/repos/r/browse",
        ("git", "https://bb.example.org/scm/~jane/r.git", None, None, None),
    ),
    (
        "https://bb.example.org/plugins/servlet/archive/projects/P/repos/r?at=refs%2Fheads%2Fdev",
        ("git", "https://bb.example.org/scm/P/r.git", "refs/heads/dev", None, None),
    ),
    (
        "https://git.launchpad.net/r/tree/nb?h=dev",
        ("git", "https://git.launchpad.net/r", "dev", "nb", None),
    ),
    (
        "https://git.example.org/cgit/r/tree/nb/a.ipynb?h=dev",
        ("git", "https://git.example.org/cgit/r", "dev", "nb/a.ipynb", None),
    ),
    (
        "https://chromium.googlesource.com/o/r/+/refs/heads/main/nb",
        ("git", "https://chromium.googlesource.com/o/r", "refs/heads/main", "nb", None),
    ),
    (
        "https://chromium.googlesource.com/o/r/+archive/refs/heads/main.tar.gz",
        ("git", "https://chromium.googlesource.com/o/r", "refs/heads/main", None, None),
    ),
    (
        "https://hub.example.org/git-pull?repo=https://github.com/owner/repo&urlPath=lab/tree/a.ipynb",
        ("gh", GH, None, "a.ipynb", "lab"),
    ),
    (
        "https://hub.example.org/hub/oauth_login?next=%2Fgit-pull%3Frepo%3Dhttps%3A%2F%2Fgithub.com%2Fowner%2Frepo",
        ("gh", GH, None, None, None),
    ),
    (
        f"https://nbgitpuller.readthedocs.io/en/latest/link.html?repo={GH}&branch=dev",
        ("gh", GH, "dev", None, None),
    ),
    (f"https://lightning.ai/new?repo_url={GH}", ("gh", GH, None, None, None)),
    (f"https://www.google.com/url?q={GH}/tree/dev&sa=D", ("gh", GH, "dev", None, None)),
    (f"https://slack-redir.net/link?url={GH}", ("gh", GH, None, None, None)),
    (f"https://l.facebook.com/l.php?u={GH}&h=x", ("gh", GH, None, None, None)),
    (f"https://eur01.safelinks.protection.outlook.com/?url={GH}&data=05", ("gh", GH, None, None, None)),
    ("https://cocalc.com/github/owner/repo/blob/main/a.ipynb", ("gh", GH, "main", "a.ipynb", None)),
    ("https://hdl.handle.net/10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("urn:doi:10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("info:doi/10.5281/zenodo.3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    ("https://zenodo.org/api/records/3242074", ("zenodo", "10.5281/zenodo.3242074", None, None, None)),
    (
        "https://dataverse.harvard.edu/api/access/dataset/:persistentId/?persistentId=doi:10.7910/DVN/TJCLKP",
        ("dataverse", "10.7910/DVN/TJCLKP", None, None, None),
    ),
    ("https://deepnote.com/viewer/github/owner/repo/blob/main/a.ipynb", ("gh", GH, "main", "a.ipynb", None)),
    ("https://gitpod.io/#github.com/owner/repo/tree/dev", ("gh", GH, "dev", None, None)),
    (f"https://ssh.cloud.google.com/cloudshell/open?git_repo={GH}", ("gh", GH, None, None, None)),
    (f"https://shell.cloud.google.com/x?cloudshell_git_repo={GH}", ("gh", GH, None, None, None)),
    ("https://nbsanity.com/owner/repo/blob/main/a.ipynb", ("gh", GH, "main", "a.ipynb", None)),
    ("https://notebook.link/github/owner/repo/", ("gh", GH, None, None, None)),
]


@pytest.mark.parametrize(("link", "expected"), WRAPPED, ids=[link for link, _ in WRAPPED])
def test_a_link_of_another_service_gives_the_repository_in_it(
    link: str, expected: tuple[str | None, ...]
) -> None:
    spec = parse_repo(link)
    assert (spec.provider.value, spec.url, spec.ref, spec.path, spec.interface) == expected


# A link that names no repository -> what the sentence says of it
REFUSED: list[tuple[str, str]] = [
    ("https://hub.2i2c.mybinder.org/user/owner-repo-abc123/lab?token=xyz", "running session"),
    ("https://hub.2i2c.mybinder.org/user/owner-repo-abc123/", "running session"),
    ("https://hub.example.org/user/jane/lab/tree/a.ipynb", "running session"),
    ("https://hub.example.org/user/jane/notebooks/a.ipynb?token=xyz", "its token"[4:]),
    ("https://jupyter.example.org/hub/user-redirect/lab/tree/a.ipynb", "running session"),
    ("http://localhost:8888/lab?token=xyz", "The token in it is a secret"),
    ("http://127.0.0.1:8888/?token=xyz", "The token in it is a secret"),
    ("http://10.0.0.5:8888/tree/nb/a.ipynb", "running session"),
    ("https://http-1-2-3-4-8888.proxy.example.org/lab/tree/a.ipynb?token=xyz", "The token in it is a secret"),
    ("https://owner-repo-abc.github.dev/", "running session"),
    ("https://abc-8888.app.github.dev/lab", "running session"),
    ("https://owner-repo-abc.ws-eu1.gitpod.io/", "running session"),
    ("https://raw.githubusercontent.com/o/r/main/a.ipynb?token=GHSAT0AAA", "password or token"),
    ("https://gitlab.example.org/g/r/-/archive/main/r.zip?private_token=xyz", "password or token"),
    ("https://jane:secret@bitbucket.org/t/r.git", "password or token"),
    ("https://jane%3Asecret@bitbucket.org/t/r.git", "password or token"),
    ("https://x-token-auth:secret@bitbucket.org/t/r.git", "password or token"),
    ("https://hf_abcdefghijklmnop@huggingface.co/o/n", "password or token"),
    ("https://kaggle.com/code/jane/notebook", "names no repository"),
    ("https://deepnote.com/project/abc", "names no repository"),
    ("https://gitpod.io/workspaces", "names no repository"),
    ("https://colab.research.google.com/drive/1abc", "no repository on GitHub"),
    ("https://vscode.dev/", "names no repository"),
    ("https://codespaces.new/owner", "names no repository"),
    ("https://github.com/codespaces/new?repo=12345", "names no repository"),
    ("https://owner.github.io/repo/lab/index.html?path=a.ipynb", "is a web site"),
    ("https://zenodo.org/badge/latestdoi/123456", "is a badge"),
    ("https://zenodo.org/badge/123456.svg", "is a badge"),
    ("git@ssh.dev.azure.com:v3/org/project/repo", "needs a key"),
    ("https://github.com/o/r/compare/main...fork:dev", "another repository"),
    ("https://github.com/o/r/branches", "list of branches"),
    ("https://github.com/o/r/tags", "list of tags"),
    ("https://github.com/o/r/releases/latest", "list of releases"),
    ("https://github.com/o/r/pulls", "list of pull requests"),
    ("https://gitlab.com/g/r/-/issues/3", "“issues”"),
    ("https://gitlab.com/g/r/-/merge_requests", "list of merge requests"),
    ("https://bitbucket.org/t/r/pull-requests/7", "no ref for a pull request"),
    ("https://codeberg.org/o/r/issues", "“issues”"),
    ("https://git.sr.ht/~u/r/refs", "list of refs"),
    ("https://git.sr.ht/u/r", "begins with “~”"),
    ("https://dev.azure.com/o/p", "“_git”"),
    ("o/r/issues/3", "“issues”"),
    ("https://github.com/orgs/owner/repositories", "a page of GitHub"),
    ("https://github.com/o/r/compare", "list of comparisons"),
    ("https://gitlab.com/groups/g", "a page of GitLab"),
    ("https://huggingface.co/docs/hub", "a page of Hugging Face"),
    ("https://nbviewer.org/", "names no repository"),
    ("https://bit.ly/abc", "shortened link"),
    ("https://o-s.hf.space", "running Space"),
    ("https://hdl.handle.net/1902.1/21919", "not a DOI"),
    ("https://repo.streamlit.app", "running session"),
]


@pytest.mark.parametrize(("link", "named"), REFUSED, ids=[link for link, _ in REFUSED])
def test_a_link_without_a_repository_says_what_it_is(link: str, named: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(link)
    said = f"{caught.value.sentence} {caught.value.hint}"
    assert named in said
    assert "xyz" not in said
    assert "secret@" not in said


@pytest.mark.parametrize(
    ("link", "advised"),
    [
        ("git@ssh.dev.azure.com:v3/org/project/repo", "https://dev.azure.com/org/project/_git/repo"),
        ("org@vs-ssh.visualstudio.com:v3/org/project/repo", "https://dev.azure.com/org/project/_git/repo"),
        ("git@git.example.org:o/r.git", "https://git.example.org/o/r.git"),
        ("ssh://git@git.example.org:7999/o/r.git", "https://git.example.org/o/r.git"),
        ("https://owner.github.io/repo/a.html", "https://github.com/owner/repo"),
        ("https://owner.github.io/", "https://github.com/owner/owner.github.io"),
        ("https://github.com/o/r/issues/3", "https://github.com/o/r"),
        ("https://github.com/o/r/releases", "https://github.com/o/r"),
        ("https://gitlab.com/g/r/-/pipelines", "https://gitlab.com/g/r"),
    ],
)
def test_the_link_that_a_hint_advises_can_be_launched(link: str, advised: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(link)
    assert advised in caught.value.hint.split()
    assert parse_repo(advised).url == advised

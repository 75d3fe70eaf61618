"""What a conda package is as a requirement of pip."""

import pytest
from packaging.requirements import Requirement

from bot.provisioning.agent.recipe_conda_package import parse


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("numpy", "numpy"),
        ("NumPy", "numpy"),
        ("conda-forge::numpy", "numpy"),
        ("conda-forge/linux-64::numpy=1.26", "numpy==1.26.*"),
        ("https://conda.example.org/main::numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy =1.26", "numpy==1.26.*"),
        ("numpy = 1.26", "numpy==1.26.*"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy=1.26*", "numpy==1.26.*"),
        ("numpy==1.26.*", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy 1.26.4", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy==1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy 1.26.4 py311h64a7726_0", "numpy==1.26.4"),
        ("numpy=1.26.*=*_openblas", "numpy==1.26.*"),
        ("numpy=*", "numpy"),
        ("numpy *", "numpy"),
        ("numpy=*=*_openblas", "numpy"),
        ("numpy>=1.2,<2", "numpy>=1.2,<2"),
        ("numpy >=1.2, <2", "numpy>=1.2,<2"),
        ("numpy >= 1.2 , < 2", "numpy>=1.2,<2"),
        ("numpy>=1.2.*,!=1.25.*,!=1.26.0", "numpy>=1.2,!=1.25.*,!=1.26.0"),
        ("numpy>1,<=2", "numpy>1,<=2"),
        ("numpy>=1.2,=1.26", "numpy>=1.2,==1.26.*"),
        ("numpy~=1.26", "numpy~=1.26"),
        ("numpy=2.0.0rc1", "numpy==2.0.0rc1"),
        ("numpy<2.0a0", "numpy<2.0a0"),
        ("pytz=2024.1", "pytz==2024.1.*"),
        ("ruamel.yaml=0.18", "ruamel.yaml==0.18.*"),
        ("_libgcc_mutex=0.1=main", "_libgcc_mutex==0.1"),
    ],
)
def test_a_conda_package_as_pip_writes_it(text: str, requirement: str) -> None:
    package = parse(text)
    assert package.versions_of_pip is not None
    assert package.requirement == requirement
    if not requirement.startswith("_"):
        assert str(Requirement(requirement).specifier) or requirement.isidentifier()


@pytest.mark.parametrize(
    "version", ["=1.2|=1.4", "=2024a", "=1!2.0", "~=2", "[version='>=1.2']", "=1.2.x", ">1.2 extra words"]
)
def test_a_version_that_pip_has_no_form_for_is_left_open(version: str) -> None:
    package = parse(f"numpy{version}")
    assert package.versions_of_pip is None
    assert package.requirement == "numpy"


@pytest.mark.parametrize(
    "text",
    ["https://conda.example.org/linux-64/gdal-3.8-0.conda", "--index-url https://example.org", "gdal*", "$x"],
)
def test_what_is_no_package_stays_as_it_is_written_and_becomes_no_other_package(text: str) -> None:
    assert parse(text).requirement == text

"""Rights: to one repository, for what they say, and never longer than asked."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.images.rights import AccountRights, TokenRights
from bot.images.setup import CERTIFICATE_FILE, KEY_FILE, _certificate, set_up
from bot.images.tokens import (
    MOST_SECONDS,
    SKEW_SECONDS,
    Scope,
    TokenMinter,
    read_certificate,
    read_key,
)

PRIVATE = ec.generate_private_key(ec.SECP256R1())
CERTIFICATE = _certificate(PRIVATE, "binder-bot")
NAMES = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}", fullmatch=True)
ACTIONS = st.lists(st.sampled_from(["pull", "push", "delete"]), min_size=1, unique=True).map(tuple)
TIMES = st.floats(1e9, 4e9)
SPANS = st.floats(1, MOST_SECONDS)


def minter_at(now: float) -> TokenMinter:
    return TokenMinter(PRIVATE, CERTIFICATE, service="s", issuer="i", clock=lambda: now)


def claims_of(token: str) -> dict[str, object]:
    unchecked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    found: dict[str, object] = jwt.decode(
        token,
        PRIVATE.public_key(),
        algorithms=["ES256"],
        audience="s",
        issuer="i",
        options=unchecked,  # type: ignore[arg-type] # its own form
    )
    return found


@given(NAMES, ACTIONS, TIMES, SPANS)
def test_a_right_is_to_one_repository_and_never_longer_than_asked(
    name: str, actions: tuple[str, ...], now: float, seconds: float
) -> None:
    claims = claims_of(minter_at(now).mint(Scope(name, actions), seconds))
    assert claims["access"] == [{"type": "repository", "name": name, "actions": list(actions)}]
    assert now + seconds - 1 < int(str(claims["exp"])) <= now + seconds
    assert int(str(claims["nbf"])) <= now - SKEW_SECONDS


@given(st.text(max_size=40), st.lists(st.text(max_size=8), max_size=3))
def test_what_is_no_right_to_one_repository_is_refused(name: str, actions: list[str]) -> None:
    is_name = name.replace("/", "").isalnum() and name == name.lower()
    if is_name and actions and {*actions} <= {"pull", "push", "delete"}:
        return
    try:
        scope = Scope(name, tuple(actions))
    except ValueError:
        return
    assert "*" not in scope.name
    assert " " not in scope.name
    assert {*scope.actions} <= {"pull", "push", "delete"}


@pytest.mark.parametrize("seconds", [0, -1, MOST_SECONDS + 1, float("inf"), float("nan")])
def test_a_right_lasts_minutes(seconds: float) -> None:
    with pytest.raises(ValueError, match="an hour"):
        minter_at(1e9).mint(Scope("a", ("pull",)), seconds)


def test_the_certificate_travels_with_the_token_and_the_key_does_not() -> None:
    token = minter_at(1e9).mint(None, 60)
    assert claims_of(token)["access"] == []
    [der] = jwt.get_unverified_header(token)["x5c"]
    assert x509.load_der_x509_certificate(b64decode(der)) == CERTIFICATE


def test_rights_say_what_they_are_for() -> None:
    rights = TokenRights(minter_at(1e9))
    pull = claims_of(rights.to_pull("a", 60)["registrytoken"])
    push = claims_of(rights.to_push("a", 60)["registrytoken"])
    assert pull["access"] == [{"type": "repository", "name": "a", "actions": ["pull"]}]
    assert push["access"] == [{"type": "repository", "name": "a", "actions": ["pull", "push"]}]
    accounts = AccountRights("reader:r", "writer:w")
    assert accounts.to_pull("a", 60) == {"auth": "cmVhZGVyOnI="}
    assert accounts.to_push("a", 60) == {"auth": "d3JpdGVyOnc="}
    assert not accounts.keeps_private


def test_setup_makes_what_the_settings_take_and_never_overwrites_it(tmp_path: Path) -> None:
    printed = set_up(tmp_path / "keys")
    key = read_key(tmp_path / "keys" / KEY_FILE)
    read_certificate(tmp_path / "keys" / CERTIFICATE_FILE, key)
    assert (tmp_path / "keys" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert "IMAGE_REGISTRY_KEY=" in printed
    assert "PRIVATE" not in printed
    with pytest.raises(ConfigError, match="has a key already"):
        set_up(tmp_path / "keys")


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        pem(rsa.generate_private_key(65537, 2048)),
        pem(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "text", "RSA", "P-384"],
)
def test_a_key_that_is_none_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    with pytest.raises(ConfigError, match="IMAGE_REGISTRY_KEY"):
        read_key(path)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="IMAGE_REGISTRY_KEY"):
        read_key(path)


def test_a_certificate_that_does_not_fit_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "certificate"
    path.write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="without a certificate"):
        read_certificate(path, PRIVATE)
    path.write_bytes(CERTIFICATE.public_bytes(Encoding.PEM))
    with pytest.raises(ConfigError, match="not the certificate of"):
        read_certificate(path, ec.generate_private_key(ec.SECP256R1()))


def test_a_certificate_that_has_expired_is_refused_by_its_name(tmp_path: Path) -> None:
    begun, name = datetime.now(UTC) - timedelta(days=9), x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(PRIVATE.public_key()).not_valid_before(begun)
    old = builder.not_valid_after(begun + timedelta(days=1)).sign(PRIVATE, hashes.SHA256())
    (tmp_path / "old").write_bytes(old.public_bytes(Encoding.PEM))
    with pytest.raises(ConfigError, match="has expired"):
        read_certificate(tmp_path / "old", PRIVATE)

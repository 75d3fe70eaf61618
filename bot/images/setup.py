"""Making the key of an image store and its certificate, and saying how a registry is configured with it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bot.errors import ConfigError
from bot.images.settings import ImageSettings

KEY_FILE = "image-registry-key.pem"
CERTIFICATE_FILE = "image-registry-certificate.pem"
_VALID_DAYS = 3650

_INSTRUCTIONS = """\
Made {key} (keep it secret) and {certificate}.

1. Copy {certificate_name} to the registry, and add this to its configuration (distribution, config.yml):

auth:
  token:
    realm: https://registry.invalid/nobody-asks-here
    service: {service}
    issuer: {issuer}
    rootcertbundle: /etc/docker/registry/{certificate_name}
storage:
  delete:
    enabled: true

2. Set these, and run `binder-bot check`:

IMAGE_REGISTRY=registry.example.org/binders
IMAGE_REGISTRY_KEY={key}
IMAGE_REGISTRY_CERTIFICATE={certificate}"""


def set_up(folder: Path) -> str:
    """Make a key and its certificate in a folder.

    Returns:
        How the registry and the bot are configured with them.

    Raises:
        ConfigError: They are there already, or the folder cannot be written to.
    """
    key, certificate = (folder / KEY_FILE).absolute(), (folder / CERTIFICATE_FILE).absolute()
    issuer = str(ImageSettings.model_fields["image_registry_issuer"].default)
    private = ec.generate_private_key(ec.SECP256R1())
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(key, secret, 0o600)
        _write_new(certificate, _certificate(private, issuer).public_bytes(Encoding.PEM), 0o644)
    except FileExistsError as error:
        raise ConfigError(f"{folder} has a key already.", hint="Name another folder.") from error
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}.") from error
    return _INSTRUCTIONS.format(
        key=key,
        certificate=certificate,
        certificate_name=CERTIFICATE_FILE,
        service=ImageSettings.model_fields["image_registry_service"].default,
        issuer=issuer,
    )


def _certificate(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    """Sign the key with itself: the registry trusts this one certificate, and no authority."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)

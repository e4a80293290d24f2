"""Who made a bundle, and is it as it was made?"""

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from apportioning.evidence.canonical import FORMAT, Bundle, canonical, digest

ALGORITHM: Final = "Ed25519"
_KEY_ID_DIGITS: Final = 16


class NoBundle(ValueError):  # noqa: N818 - says what it is
    """What was read is no signed bundle."""


class NoKey(ValueError):  # noqa: N818 - says what it is
    """What was read is no Ed25519 key in PEM."""


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """A bundle with its signature."""

    bundle: Bundle
    key_id: str
    signature: bytes

    def document(self) -> str:
        """As it is handed out: one JSON object."""
        signature = {
            "algorithm": ALGORITHM,
            "key_id": self.key_id,
            "value": base64.b64encode(self.signature).decode(),
        }
        return canonical({"bundle": self.bundle, "digest": digest(self.bundle), "signature": signature}).decode()

    def is_signed_by(self, public_pem: str) -> bool:
        """Whether the key made the signature, and the bundle is as it was then. Raises NoKey."""
        try:
            _public_key(public_pem).verify(self.signature, canonical(self.bundle))
        except InvalidSignature:
            return False
        return True


class Signer:
    """Signs with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        public = key.public_key()
        self.public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self.key_id = key_id_of(self.public_pem)

    @classmethod
    def from_pem(cls, pem: bytes) -> "Signer":
        """From a private key in PEM (PKCS #8). Raises NoKey."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise NoKey(f"expected an Ed25519 private key in PEM: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise NoKey(f"expected an Ed25519 private key, got {type(key).__name__}")
        return cls(key)

    @classmethod
    def new(cls) -> "Signer":
        """With a key made on the spot."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def made_in(cls, file: Path) -> "Signer":
        """With the key in a file, made once: what was signed with it is to stay checkable. Raises NoKey."""
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as new:
                new.write(cls.new().private_pem())
        return cls.from_pem(file.read_bytes())

    def private_pem(self) -> bytes:
        """The private key in PEM (PKCS #8)."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, bundle: Bundle) -> SignedBundle:
        """The bundle with its signature."""
        return SignedBundle(bundle, self.key_id, self._key.sign(canonical(bundle)))


def key_id_of(public_pem: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the raw public key. Raises NoKey."""
    raw = _public_key(public_pem).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:_KEY_ID_DIGITS]


def read_signed(document: str | bytes) -> SignedBundle:
    """A bundle as it was handed out. Raises NoBundle; says nothing about whether the signature holds."""
    try:
        read = json.loads(document)
        bundle, signature = read["bundle"], read["signature"]
        found = SignedBundle(bundle, str(signature["key_id"]), base64.b64decode(signature["value"], validate=True))
        stated, algorithm, written_as = read["digest"], signature["algorithm"], bundle["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NoBundle(f"expected an evidence bundle in JSON with bundle, digest and signature: {error!r}") from error
    if written_as != FORMAT or algorithm != ALGORITHM:
        raise NoBundle(f"expected {FORMAT} signed with {ALGORITHM}, got {written_as!r} signed with {algorithm!r}")
    if stated != _digest_or_refuse(bundle):
        raise NoBundle(f"the digest {stated!r} is not that of the bundle: it was changed, or cut off")
    return found


def _digest_or_refuse(bundle: Bundle) -> str:
    try:
        return digest(bundle)
    except TypeError as error:
        raise NoBundle(str(error)) from error


def _public_key(pem: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise NoKey(f"expected an Ed25519 public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise NoKey(f"expected an Ed25519 public key, got {type(key).__name__}")
    return key

"""The certificates of a deployment: an authority of its own, and the broker's certificate that it vouches for.

Knows no file and no broker. Keys are on the curve P-256, which every instrument's TLS of the last decade reads.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tracking.clock import from_us

AUTHORITY_DAYS = 3650
BROKER_DAYS = 397
RENEW_DAYS_BEFORE = 90
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_BACKDATED = timedelta(days=1)
"""A connector whose clock is a little behind must not find a fresh certificate to lie in the future."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def new_authority(name: str, now_us: int) -> Certified:
    """Return an authority that vouches for itself, for ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    unsigned = (
        _blank(subject, subject, key.public_key(), now_us, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _sealed(unsigned, key, key)


def issue(authority: Certified, names: Sequence[str], now_us: int) -> Certified:
    """Return a server's certificate for the host names and addresses by which it is called, for thirteen months."""
    above = x509.load_pem_x509_certificate(authority.certificate)
    key = ec.generate_private_key(ec.SECP256R1())
    public = above.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101  # made above
    unsigned = (
        _blank(_named(names[0]), above.subject, key.public_key(), now_us, BROKER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return _sealed(unsigned, key, _private(authority))


def is_server_name(name: str) -> bool:
    """Tell whether a certificate can be issued for this: a host name in ASCII, or an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return _HOST_NAME.fullmatch(name) is not None
    return True


def days_left(certificate: bytes, now_us: int) -> float:
    """Return the days until a certificate ends; negative when it has."""
    ends = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    return (ends - from_us(now_us)) / timedelta(days=1)


def reason_to_renew(certificate: bytes, authority: bytes, names: Sequence[str], now_us: int) -> str:
    """Return why a server's certificate has to be issued anew; empty when it is good."""
    standing = x509.load_pem_x509_certificate(certificate)
    if (left := days_left(certificate, now_us)) < RENEW_DAYS_BEFORE:
        return f"{left:.0f} days were left"
    if standing.extensions.get_extension_for_class(x509.SubjectAlternativeName).value != x509.SubjectAlternativeName(
        [_general_name(name) for name in names]
    ):
        return "the names have changed"
    try:
        standing.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    except Exception:  # whatever is wrong with it, it is not our authority's
        return "another authority vouched for it"
    return ""


def _blank(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now_us: int, days: int
) -> x509.CertificateBuilder:
    now = from_us(now_us)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _sealed(
    unsigned: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey
) -> Certified:
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certified(unsigned.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM), secret)


def _private(pair: Certified) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pair.key, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101  # made above
    return key


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip

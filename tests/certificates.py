"""Certificates that tests make: of one CA, an expired one, one for another host, and one of another CA."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

HOST = "127.0.0.1"


class KeyAndCertificate(NamedTuple):
    """PEM files of one owner; `both` holds key and certificate."""

    certificate: Path
    key: Path
    both: Path


class Certificates:
    """A CA in a folder, and what it and another one sign."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca, self._other = trustme.CA(), trustme.CA()
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        self._ca.cert_pem.write_to_path(self.ca)
        self._other.cert_pem.write_to_path(self.other_ca)
        self.server = self.issue("server")
        self.expired = self.issue("expired", not_after=datetime.now(UTC) - timedelta(days=1))
        self.elsewhere = self.issue("elsewhere", host="kafka.example")
        self.client = self.issue("shoal")
        self.stranger = self.issue("stranger", ca=self._other)

    def issue(
        self, name: str, *, host: str = HOST, ca: trustme.CA | None = None, not_after: datetime | None = None
    ) -> KeyAndCertificate:
        """Sign a certificate whose common name is `name`, for a host."""
        signed = (ca or self._ca).issue_cert(host, common_name=name, not_after=not_after)
        key = load_pem_private_key(signed.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        chain = b"".join(each.bytes() for each in signed.cert_chain_pems)
        files = KeyAndCertificate(*(self._folder / f"{name}{kind}.pem" for kind in ("", "-key", "-both")))
        for path, text in zip(files, (chain, key, key + chain), strict=True):
            path.write_bytes(text)
        return files

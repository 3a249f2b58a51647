"""Signed models: Ed25519 over a statement that names every file, in a DSSE envelope (signature.json in the model
folder).

The statement binds name, version, counter, expiry and the sha256 of each other file, so nothing can be added, swapped
or left out. The store remembers the highest counter that it has seen for a name and refuses a smaller one: an old
model with a good signature cannot be played again. DSSE is the envelope of in-toto and sigstore; other tools can
check it too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

from .durable import write_whole
from .errors import BadSignature, ModelError
from .record import FileEntry

PAYLOAD_TYPE = "application/vnd.sednabox.model+json"


@dataclass(frozen=True)
class Statement:
    """What the signer says."""

    name: str
    version: str
    counter: int
    expires: float | None
    files: dict[str, FileEntry]


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise ModelError(
            "signatures need the package cryptography, which is not installed here; "
            "install it with: pip install 'sednabox[sign]'"
        ) from None
    return ed25519


def _serialization() -> Any:
    _ed25519()
    from cryptography.hazmat.primitives import serialization

    return serialization


def new_key(path: Path) -> Path:
    """Write a new private key (PEM, mode 0600) and its public half beside it as PATH.pub; returns the public path."""
    if path.exists():
        raise ModelError("%s exists already; a key is never written over. Choose another name." % path)
    serialization = _serialization()
    key = _ed25519().Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_whole(path, private, mode=0o600)
    public_path = path.with_name(path.name + ".pub")
    write_whole(public_path, public)
    return public_path


def load_public_key(path: Path) -> Any:
    """A public key from PEM; raises ModelError."""
    serialization = _serialization()
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError("%s is not a public key in PEM form: %s" % (path, error)) from None
    if not isinstance(key, _ed25519().Ed25519PublicKey):
        raise ModelError("%s is not an Ed25519 key; make one with: sednabox model sign --new-key FILE" % path)
    return key


def _load_private_key(path: Path) -> Any:
    serialization = _serialization()
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError("%s is not a private key in PEM form: %s" % (path, error)) from None
    if not isinstance(key, _ed25519().Ed25519PrivateKey):
        raise ModelError("%s is not an Ed25519 key; make one with: sednabox model sign --new-key FILE" % path)
    return key


def key_id(public_key: Any) -> str:
    """The short name of a key: the start of the sha256 of its raw bytes."""
    serialization = _serialization()
    raw = public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def _to_sign(payload: bytes) -> bytes:
    kind = PAYLOAD_TYPE.encode("ascii")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(statement: Statement, private_key: Path) -> str:
    """The envelope as the text of signature.json."""
    key = _load_private_key(private_key)
    payload = json.dumps(
        {
            "name": statement.name,
            "version": statement.version,
            "counter": statement.counter,
            "expires": statement.expires,
            "files": {name: {"sha256": e.sha256, "size": e.size} for name, e in sorted(statement.files.items())},
        },
        sort_keys=True,
    ).encode("utf-8")
    signature = {
        "keyid": key_id(key.public_key()),
        "sig": base64.b64encode(key.sign(_to_sign(payload))).decode("ascii"),
    }
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [signature],
    }
    return json.dumps(envelope, indent=1) + "\n"


def check(envelope_text: str, keys: Mapping[str, Any]) -> tuple[Statement, str]:
    """The statement of an envelope and the id of the trusted key that signed it; raises BadSignature."""
    _ed25519()
    from cryptography.exceptions import InvalidSignature

    try:
        envelope = json.loads(envelope_text)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [
            (str(s.get("keyid", "")), base64.b64decode(s["sig"], validate=True)) for s in envelope["signatures"]
        ]
        if envelope["payloadType"] != PAYLOAD_TYPE:
            raise BadSignature(
                "signature.json: expected payloadType %s, found %r." % (PAYLOAD_TYPE, envelope["payloadType"])
            )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BadSignature("signature.json is not a DSSE envelope (%s); sign the model again." % error) from None
    signer = ""
    for _, signature in signatures:
        for identity, key in keys.items():
            try:
                key.verify(signature, _to_sign(payload))
                signer = identity
            except InvalidSignature:
                continue
    if not signer:
        raise BadSignature(
            "signature.json: no signature by a trusted key; signed by %s, trusted are %s. Add the key with "
            "`sednabox model trust KEY.pub`, or sign with a trusted one."
            % (", ".join(identity for identity, _ in signatures) or "nobody", ", ".join(sorted(keys)) or "none")
        )
    try:
        said = json.loads(payload.decode("utf-8"))
        expires = said.get("expires")
        return (
            Statement(
                str(said["name"]),
                str(said["version"]),
                int(said["counter"]),
                None if expires is None else float(expires),
                {str(n): FileEntry(str(e["sha256"]), int(e["size"])) for n, e in said["files"].items()},
            ),
            signer,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature(
            "signature.json: the signed statement cannot be read (%s); sign the model again." % error
        ) from None


def compare(statement: Statement, name: str, version: str, counter: int, files: Mapping[str, FileEntry]) -> None:
    """The statement must name this very model: every file, nothing more; raises BadSignature."""
    if (statement.name, statement.version, statement.counter) != (name, version, counter):
        raise BadSignature(
            "the signature is for %s@%s counter %d, the manifest says %s@%s counter %d."
            % (statement.name, statement.version, statement.counter, name, version, counter)
        )
    if dict(statement.files) != dict(files):
        names = sorted(n for n in set(statement.files) | set(files) if statement.files.get(n) != files.get(n))
        raise BadSignature("these files are not as signed: %s. Fetch the model again." % ", ".join(names[:8]))


def hash_file(path: os.PathLike[str]) -> FileEntry:
    """sha256 and size of a file."""
    digest = hashlib.sha256()
    size = 0
    with open(os.fspath(path), "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
            size += len(piece)
    return FileEntry(digest.hexdigest(), size)

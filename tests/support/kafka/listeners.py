"""How clients reach a test broker: in plain text and, where asked for, over TLS and with a user and password."""

from pathlib import Path

from tests.support.certificate import make_certificate

PLAIN = ["PLAINTEXT"]
SECURE = ["SSL", "SASL_PLAINTEXT", "SASL_SSL"]
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]  # each of the SASL listeners takes them all
USER = "sentinel"
PASSWORD = "p@ss:w/rd?100%"  # must be escaped in a URL


def secure_properties(folder: Path) -> dict[str, str]:
    """Makes the certificate too: `certificate.pem` in `folder`."""
    made = make_certificate(folder)
    both = folder / "broker.pem"  # a key store in PEM has the key first
    both.write_text(made.key.read_text() + made.certificate.read_text())
    properties = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(both),
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
    }
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    for listener in ("sasl_plaintext", "sasl_ssl"):
        for mechanism in MECHANISMS:
            name = f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config"
            properties[name] = plain if mechanism == "PLAIN" else scram
    return properties


def scram_users() -> list[str]:
    """What the storage's format wants: SCRAM's users are in the cluster's metadata, not in the settings."""
    users = [f"{mechanism}=[name={USER},password={PASSWORD}]" for mechanism in MECHANISMS if mechanism != "PLAIN"]
    return [argument for user in users for argument in ("--add-scram", user)]

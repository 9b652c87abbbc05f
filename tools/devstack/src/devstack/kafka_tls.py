"""Kafka over TLS: a listener with a login (SCRAM), and one that asks for the client's certificate."""

from pathlib import Path

from devstack.server import HOST, Instance

USER = "bookstream"
MUTUAL_PORT_OFFSET = 2
"""Added to the port: where the listener with client certificates is."""
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"
_LISTENERS = """listeners=SASL_SSL://{host}:{port},CONTROLLER://{host}:{controller},SSL://{host}:{mutual}
advertised.listeners=SASL_SSL://{host}:{port},SSL://{host}:{mutual}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT,SSL:SSL
inter.broker.listener.name=SSL
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login} required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}"""


def build_listeners(here: Instance) -> str:
    """Lines of server.properties."""
    return _LISTENERS.format(
        host=HOST,
        login=_LOGIN,
        port=here.port,
        controller=here.port + 1,
        mutual=here.port + MUTUAL_PORT_OFFSET,
        keystore=_get_keystore(here),
        truststore=here.authority,
    )


def write_keystore(here: Instance) -> None:
    """Key and certificate in one PEM file, as the broker reads them."""
    keystore = _get_keystore(here)
    keystore.touch(mode=0o600)
    keystore.write_text(Path(here.key).read_text() + Path(here.certificate).read_text())


def _get_keystore(here: Instance) -> Path:
    return here.data / "keystore.pem"

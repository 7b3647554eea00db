"""Why a broker and a client do not let each other in, in a sentence that says what to do."""

import ssl
from typing import Final, NamedTuple

from kafka.errors import (
    IllegalSaslStateError,
    InvalidReceiveError,
    KafkaConnectionError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from shoal_client.certificate_errors import certificate_sentence
from shoal_client.kafka_security import KafkaSecurity

__all__ = ["Failure", "refusal_sentence", "tls_sentence"]


TLS_ALERT: Final = 0x15  # the first byte of what a TLS server says before it hangs up (RFC 8446, section 5.1)


class Failure(NamedTuple):
    """How a handshake ended, and whether the broker had begun to answer."""

    error: BaseException
    spoke_kafka: bool


def refusal_sentence(failure: Failure, security: KafkaSecurity) -> str | None:
    """Return why a connection came to nothing, None where it is not about who is let in."""
    error = failure.error
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"it does not take SHOAL_KAFKA_MECHANISM={security.mechanism}; set it to one of this listener ({error})"
    if isinstance(error, IllegalSaslStateError):
        return "this listener asks for no user; set SHOAL_KAFKA_SECURITY to SSL or PLAINTEXT, or use its other listener"
    if isinstance(error, SaslAuthenticationFailedError):
        return _wrong_user(security)
    if isinstance(error, InvalidReceiveError):
        return _not_kafka(error)
    if not isinstance(error, KafkaConnectionError):
        return None
    if not failure.spoke_kafka:
        return _hung_up(security)
    if security.sasl:
        return _wrong_user(security)  # kafka-python drops the broker's last word where the connection closes with it
    return f"this listener wants a user: set SHOAL_KAFKA_SECURITY={'SASL_SSL' if security.tls else 'SASL_PLAINTEXT'}"


def tls_sentence(error: OSError, security: KafkaSecurity) -> str:
    """Return why a TLS handshake failed on this side."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_sentence(error, security.ca, "SHOAL_KAFKA_CA", "SHOAL_KAFKA_CHECK_HOSTNAME")
    if isinstance(error, ssl.SSLEOFError | ConnectionResetError | TimeoutError) or "WRONG_VERSION_NUMBER" in str(error):
        other = "SASL_PLAINTEXT" if security.sasl else "PLAINTEXT"
        return (
            f"it does not speak TLS at this address ({error}): use its TLS listener, or, in a network that nobody "
            f"reads, SHOAL_KAFKA_SECURITY={other}"
        )
    return f"the TLS handshake failed ({error}): compare SHOAL_KAFKA_CA, SHOAL_KAFKA_CERTIFICATE and SHOAL_KAFKA_KEY"


def _wrong_user(security: KafkaSecurity) -> str:
    if security.by_token:
        return (
            "it does not accept the token of SHOAL_KAFKA_TOKEN_ENDPOINT: compare issuer, audience, scope and user of "
            "the token with what the listener expects"
        )
    return (
        f"the user {security.user!r} or the password is wrong, or the user does not exist for "
        f"{security.mechanism}: set SHOAL_KAFKA_USER and SHOAL_KAFKA_PASSWORD (or SHOAL_KAFKA_PASSWORD_FILE)"
    )


def _not_kafka(error: InvalidReceiveError) -> str:
    """Return what the first four bytes of an answer mean that is none of Kafka's: its length would be impossible."""
    length = int(str(error).rpartition(" ")[2])
    if length >> 24 == TLS_ALERT:
        return "it answers by TLS, as a listener does that expects TLS: set SHOAL_KAFKA_SECURITY"
    return f"what answers at this address is not Kafka ({error}): set SHOAL_KAFKA or --kafka to a broker's address"


def _hung_up(security: KafkaSecurity) -> str:
    """Return what a closed connection means, of which the broker says nothing."""
    if not security.tls:
        return "it closes the connection without a word, as a listener does that expects TLS: set SHOAL_KAFKA_SECURITY"
    if security.certificate:
        return f"it closes the connection: it does not trust SHOAL_KAFKA_CERTIFICATE ({security.certificate})"
    wanted = "it wants a certificate of its clients; set SHOAL_KAFKA_CERTIFICATE and SHOAL_KAFKA_KEY"
    return f"it closes the connection: {wanted}"

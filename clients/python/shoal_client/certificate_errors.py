"""Why a server's certificate does not hold, in a sentence that says what to do."""

import ssl
from typing import Final

__all__ = ["certificate_sentence"]

_EXPIRED: Final = 10
_NOT_YET: Final = 9
_OTHER_NAME: Final = {62, 64}
"""OpenSSL's numbers of what is wrong with a certificate (X509_V_ERR_…)."""


def certificate_sentence(error: ssl.SSLCertVerificationError, ca: str, ca_setting: str, name_setting: str) -> str:
    """Return what is wrong with a server's certificate, and the setting that it hangs on."""
    if error.verify_code == _EXPIRED:
        return "its certificate has expired: renew the server's certificate"
    if error.verify_code == _NOT_YET:
        return "its certificate is not valid yet: compare the clocks of both machines"
    if error.verify_code in _OTHER_NAME:
        why = error.verify_message.strip().rstrip(".")
        return (
            f"its certificate is for another host ({why}): use the name that it is for, or, where nobody can be in "
            f"between, {name_setting}=false"
        )
    signed = f"the CA in {ca_setting} ({ca})" if ca else f"a CA that this system trusts ({ca_setting} is not set)"
    return (
        f"its certificate is not signed by {signed}: set {ca_setting} to the CA that signed it ({error.verify_message})"
    )

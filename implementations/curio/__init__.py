"""curio 1.6, its last release, made to run past Python 3.11, and kept off stderr.

Python 3.12 took away names that curio wants while it is imported: three byte strings of
multiprocessing.connection, which only lost their public spelling, and ssl.wrap_socket, which curio
wraps but which nothing here calls. They are put back before echo.py and fetch.py import it.

curio.time warns whenever something ended just after its timeout, which is nothing unexpected.
"""

import logging
import ssl
from multiprocessing import connection

for name in ("CHALLENGE", "WELCOME", "FAILURE"):
    if not hasattr(connection, name):
        setattr(connection, name, getattr(connection, f"_{name}"))
if not hasattr(ssl, "wrap_socket"):
    ssl.wrap_socket = ssl.SSLContext.wrap_socket  # type: ignore[attr-defined, assignment, unused-ignore]

logging.getLogger("curio.time").setLevel(logging.ERROR)

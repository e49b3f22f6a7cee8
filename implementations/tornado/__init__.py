"""Tornado's general log is kept to errors here.

It warns of every TLS handshake that fails, which an echo or a fetch must expect.
"""

import logging

logging.getLogger("tornado.general").setLevel(logging.ERROR)

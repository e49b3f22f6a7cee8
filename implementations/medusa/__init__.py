"""The asyncore that Supervisor's Medusa runs on, under the name that the sibling's files import.

The standard library's asyncore was cut out of Medusa; Supervisor, which carries Medusa on, took it
back from there as it was in Python 2.5 (asyncore_25), and kept its interface.
"""

import sys

from supervisor.medusa import asyncore_25

sys.modules["asyncore"] = asyncore_25

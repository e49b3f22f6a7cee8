"""Medusa's own asyncore, as Supervisor still ships it, under the name that its child took.

The standard library's asyncore was cut out of Medusa and kept its interface, so that the sibling's
files run on either: here they find the mother where they ask for asyncore.
"""

import sys

from supervisor.medusa import asyncore_25

sys.modules["asyncore"] = asyncore_25

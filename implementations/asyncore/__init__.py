"""asyncore of Python 3.11, or of pyasyncore after it, kept off stderr.

Python 3.11 warns of its removal whenever it is imported.
"""

import warnings

warnings.filterwarnings("ignore", "The asyncore module is deprecated", DeprecationWarning)

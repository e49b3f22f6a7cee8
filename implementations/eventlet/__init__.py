"""eventlet, kept off stderr.

It warns while it is imported that it is deprecated, which its meta.toml says as well.
"""

import warnings

warnings.filterwarnings("ignore", message="\nEventlet is deprecated")

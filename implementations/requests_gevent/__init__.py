"""requests on gevent: the standard library is patched before requests is imported."""

import warnings

from gevent import monkey

with warnings.catch_warnings():
    # The launcher has imported ssl before; what it made of it is made anew in fetch.py.
    warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)
    monkey.patch_all()

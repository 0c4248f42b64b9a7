"""A saved pipeline behind HTTP: predictions and explanations for many clients, put together into batches.

`make_app` makes the application, which any ASGI server can run; `serve` runs it as ``seqpipe serve`` does.
"""

from seqpipe.serving._serve import make_app as make_app
from seqpipe.serving._serve import open_socket as open_socket
from seqpipe.serving._serve import serve as serve
from seqpipe.serving._settings import Limits as Limits
from seqpipe.serving._settings import ServerSettings as ServerSettings

__all__ = ["Limits", "ServerSettings", "make_app", "open_socket", "serve"]

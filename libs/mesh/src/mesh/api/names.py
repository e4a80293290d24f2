"""Which resource does a name in a request mean, where no rule of the proto has looked at it?"""

import re
from typing import Final

from mesh.rpc import invalid_argument

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHOWN_CHARACTERS: Final = 80
"""Of a name that is none: errors travel in HTTP/2 headers of limited size."""


def id_in(collection: str, name: str, field: str) -> str:
    """The id in `{collection}/{id}`; raises RpcError (INVALID_ARGUMENT that names `field`) for anything else.

    An update's resource is not checked when it comes in, for it holds what changes and no more, but it must say which
    one it is.
    """
    found_in, _, found = name.partition("/")
    if found_in != collection or not _ID.fullmatch(found):
        expected = (
            f"a name such as {collection}/a-1, with an id of up to 63 letters, digits, dots, dashes and underscores"
        )
        raise invalid_argument(field, name[:_SHOWN_CHARACTERS], expected)
    return found

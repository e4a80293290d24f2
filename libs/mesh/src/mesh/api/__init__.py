"""What do resources of all services have in common on the wire: names, enums, update masks, pages, money, moments?"""

from mesh.api.codes import Codes
from mesh.api.masks import changed_paths, merged
from mesh.api.money import from_money, to_money
from mesh.api.names import id_in
from mesh.api.pages import Page, page_of
from mesh.api.times import NoMoment, moment_message, moment_of

__all__ = [
    "Codes",
    "NoMoment",
    "Page",
    "changed_paths",
    "from_money",
    "id_in",
    "merged",
    "moment_message",
    "moment_of",
    "page_of",
    "to_money",
]

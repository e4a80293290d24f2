"""Does the README name who may call what, as it is?"""

import re
from pathlib import Path

from customer_profile.server.authorization import AUTHORIZATION, SERVICE
from cxmesh.profile.v1 import profile_service_pb2
from mesh.rpc.errors import RpcError
from mesh.rpc.identity import Identity

README = Path(__file__).parents[2] / "README.md"
METHODS = {each.name for each in profile_service_pb2.DESCRIPTOR.services_by_name["ProfileService"].methods}
ASKING = ("usage-correlation", "billing-accuracy", "offer-decision", "notification", "value-network-sla")


def may_call(service: str, method: str) -> bool:
    try:
        AUTHORIZATION.check(f"/{SERVICE}/{method}", Identity("service", service))
    except RpcError:
        return False
    return True


def test_the_table_of_calls_is_true():
    told = {}
    for row in re.findall(r"^\| (`.*) \| (.*) \|$", README.read_text("utf-8"), re.MULTILINE):
        named = set(re.findall(r"[a-z-]+", row[1]))
        told |= dict.fromkeys(METHODS.intersection(re.findall(r"`(\w+)`", row[0])), named)
    assert told == {method: {service for service in ASKING if may_call(service, method)} for method in METHODS}

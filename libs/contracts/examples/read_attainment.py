"""Read what you promised, how you keep it, and the breaches of late.

python read_attainment.py
"""

from partner import channel

from cxmesh.sla.v1.value_network_sla_service_pb2 import (
    ListAgreementsRequest,
    ListAttainmentsRequest,
    ListBreachesRequest,
)
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub

_PERCENT = 10_000  # parts per million


def main() -> None:
    """Print each agreement with its latest windows, then breaches with your share and that of all others."""
    with channel() as open_channel:
        sla = ValueNetworkSlaServiceStub(open_channel)
        request = ListAgreementsRequest()
        while True:
            page = sla.ListAgreements(request, timeout=10)
            for agreement in page.agreements:
                promised = agreement.objective_ppm / _PERCENT
                print(f"{agreement.name}: {agreement.operation} of {agreement.service}, {promised} % promised")
                print_windows(sla, agreement.name)
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        for breach in sla.ListBreaches(ListBreachesRequest(page_size=20), timeout=10).breaches:
            print(f"{breach.name}: {breach.affected_customer_count} customers hit")
            for share in breach.shares:
                who = "all others" if share.others else "you"
                print(f"  {who}: {share.share_ppm / _PERCENT} %, {share.amount.units} {share.amount.currency_code}")


def print_windows(sla: ValueNetworkSlaServiceStub, agreement: str) -> None:
    """The latest windows of an agreement."""
    for window in sla.ListAttainments(ListAttainmentsRequest(parent=agreement, page_size=3), timeout=10).attainments:
        attained = f"{window.attained_ppm / _PERCENT} %" if window.HasField("attained_ppm") else "nothing measured"
        start = window.window_start_time.ToJsonString()
        print(f"  {start}: {window.good_count} of {window.visit_count} visits good, {attained}")


if __name__ == "__main__":
    main()

"""Run the value-network SLA service: `python -m value_network_sla serve`."""

from mesh.service import main
from value_network_sla.wiring import SERVICE

if __name__ == "__main__":
    main(SERVICE)

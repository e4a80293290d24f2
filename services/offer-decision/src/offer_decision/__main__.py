"""Run the offer-decision service: `python -m offer_decision serve`."""

from mesh.service import main
from offer_decision.wiring import SERVICE

if __name__ == "__main__":
    main(SERVICE)

"""Run the billing-accuracy service: `python -m billing_accuracy serve`."""

from billing_accuracy.wiring import SERVICE
from mesh.service import main

if __name__ == "__main__":
    main(SERVICE)

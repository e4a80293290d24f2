"""Run the billing-accuracy service: `python -m billing_accuracy serve`."""

from mesh.service import main

from billing_accuracy.wiring import SERVICE

if __name__ == "__main__":
    main(SERVICE)

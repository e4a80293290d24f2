"""Run the profile service: `python -m customer_profile serve`."""

from customer_profile.wiring import SERVICE
from mesh.service import main

if __name__ == "__main__":
    main(SERVICE)

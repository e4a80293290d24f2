"""Run the profile service: `python -m customer_profile serve`."""

from mesh.service import main

from customer_profile.wiring import SERVICE

if __name__ == "__main__":
    main(SERVICE)

"""Run the usage service: `python -m usage_correlation serve`."""

from mesh.service import main
from usage_correlation.wiring import SERVICE

if __name__ == "__main__":
    main(SERVICE)

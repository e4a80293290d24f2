"""Run the notification service: `python -m notification serve`."""

from mesh.service import main
from notification.wiring import SERVICE

if __name__ == "__main__":
    main(SERVICE)

"""`python -m cxmesh_cli` is the cxmesh command."""

from cxmesh_cli.main import main

main()

"""One mesh on this machine: its folder, ports, processes, certificates, and how it is started and stopped."""

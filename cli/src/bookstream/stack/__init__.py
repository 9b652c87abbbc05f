"""The real servers on this machine without containers, installed from the package registries.

home.py knows where things stand and as whom servers run, server.py what a server is; one module for each
server tells how it is installed, configured, started and asked whether it is ready; control.py does `up`,
`down` and `status`.
"""

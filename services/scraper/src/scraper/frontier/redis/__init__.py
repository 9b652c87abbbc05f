"""Frontier in Lua scripts on a Valkey or Redis server, shared by a fleet."""

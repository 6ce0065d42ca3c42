"""The engine: evidence in, `delivery`'s decision out, as patches of VirtualServices."""

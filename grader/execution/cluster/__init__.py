"""Stages 2 to 4 on a Dask cluster: `head` asks, `worker` does, `bundle` is what travels between them."""

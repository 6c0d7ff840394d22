"""Stages 2 to 5 on a Dask cluster: `head` asks, `worker` does, `parcel` is what travels between them."""

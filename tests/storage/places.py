"""Opens a database by its address, of whichever kind it is."""

from pathlib import Path

from thenvoi_bridge.storage import Database
from thenvoi_bridge.storage.postgres import open_postgres
from thenvoi_bridge.storage.sqlite import open_sqlite


async def opened(place: str, patience: float = 10.0) -> Database:
    if place.startswith("postgresql:"):
        return await open_postgres(place, patience=patience)
    return await open_sqlite(Path(place), patience=patience)

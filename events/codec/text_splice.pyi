from typing import Any

class Table:
    texts: list[bytes]
    def __init__(self, texts: list[bytes]) -> None: ...

def spliced(n: int, parts: list[Any]) -> list[bytes]: ...

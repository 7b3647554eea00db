"""A webhook receiver on loopback that fails, stalls and recovers as it is told, and remembers what it took."""

import asyncio
import threading
from collections import Counter

from aiohttp import web

from stream.campaigns.webhook_request import signature


class Receiver:
    """Answers each call with what `behave` says: a status, or seconds to stall. Runs in a thread of its own."""

    def __init__(self, secret):
        self.secret = secret
        self.behave = lambda number: 200
        self.calls = []
        self.taken = Counter()
        self.bodies = {}
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    def _run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        app = web.Application()
        app.router.add_post("/hook", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/hook"
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _take(self, request):
        body = await request.read()
        message_id, stamp = request.headers["webhook-id"], int(request.headers["webhook-timestamp"])
        assert request.headers["idempotency-key"] == message_id
        signed = request.headers["webhook-signature"] == signature(self.secret, message_id, stamp, body)
        self.calls.append((message_id, signed))
        said = self.behave(len(self.calls))
        if isinstance(said, float):
            await asyncio.sleep(said)
            said = 200
        if said == 200:
            self.taken[message_id] += 1
            assert self.bodies.setdefault(message_id, body) == body
        return web.Response(status=said, text="no" if said != 200 else "")

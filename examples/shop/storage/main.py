# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop's internal API: items can be created, read, updated and deleted. It keeps them in Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import redis
from service import Handler, HttpError, Request, Response, Router, start

KEY = "items"  # a hash: id to JSON
COUNTER = "items:last-id"
SAMPLES = {"1": {"name": "Honey", "price": 6.5}, "2": {"name": "Beeswax candle", "price": 4.0}}


class Items:
    """The items in Redis. All tasks of the service share them, so any of them can answer."""

    def __init__(self, client: redis.Redis) -> None:
        """Keep items through *client*."""
        self._redis = client

    def _stock(self) -> None:
        """Put a few items into a shop that is used for the first time."""
        if self._redis.setnx(COUNTER, len(SAMPLES)):
            self._redis.hset(KEY, mapping={identifier: json.dumps(item) for identifier, item in SAMPLES.items()})

    def list(self, request: Request) -> Response:
        """Return all items."""
        self._stock()
        found = {key.decode(): json.loads(value) for key, value in self._redis.hgetall(KEY).items()}
        return Response([{"id": key, **item} for key, item in sorted(found.items(), key=lambda entry: int(entry[0]))])

    def create(self, request: Request) -> Response:
        """Add an item and return it with its id."""
        item = checked(request.body)
        self._stock()
        identifier = str(self._redis.incr(COUNTER))
        self._redis.hset(KEY, identifier, json.dumps(item))
        return Response({"id": identifier, **item}, HTTPStatus.CREATED, {"Location": f"/items/{identifier}"})

    def read(self, request: Request) -> Response:
        """Return one item."""
        identifier = request.parameters["id"]
        stored = self._redis.hget(KEY, identifier)
        if stored is None:
            raise missing(identifier)
        return Response({"id": identifier, **json.loads(stored)})

    def update(self, request: Request) -> Response:
        """Replace one item."""
        identifier = request.parameters["id"]
        item = checked(request.body)
        if not self._redis.hexists(KEY, identifier):
            raise missing(identifier)
        self._redis.hset(KEY, identifier, json.dumps(item))
        return Response({"id": identifier, **item})

    def delete(self, request: Request) -> Response:
        """Remove one item."""
        if not self._redis.hdel(KEY, request.parameters["id"]):
            raise missing(request.parameters["id"])
        return Response(status=HTTPStatus.NO_CONTENT)


def available(handler: Handler) -> Handler:
    """Return *handler*, answering 503 when Redis does not."""

    def guarded(request: Request) -> Response:
        try:
            return handler(request)
        except redis.RedisError as error:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, f"redis does not answer: {error}") from error

    return guarded


def missing(identifier: str) -> HttpError:
    """Return the error for an item that does not exist."""
    return HttpError(HTTPStatus.NOT_FOUND, f"there is no item {identifier}")


def checked(body: Any) -> dict[str, Any]:
    """Return the item in a request's *body*.

    :raises HttpError: it is not one.
    """
    if not isinstance(body, dict) or set(body) != {"name", "price"}:
        raise HttpError(HTTPStatus.BAD_REQUEST, "an item has exactly a name and a price")
    name, price = body["name"], body["price"]
    if not isinstance(name, str) or not name.strip() or len(name) > 100:
        raise HttpError(HTTPStatus.BAD_REQUEST, "name must be a text of 1 to 100 characters")
    if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 <= price <= 1_000_000:
        raise HttpError(HTTPStatus.BAD_REQUEST, "price must be a number from 0 to 1000000")
    return {"name": name.strip(), "price": price}


def routes(router: Router, environment: Mapping[str, str]) -> None:
    """Add the routes of the service."""
    host = environment.get("REDIS", "redis")
    items = Items(redis.Redis(host=host, db=1, socket_timeout=3, socket_connect_timeout=3))
    router.add("GET", "/items", available(items.list))
    router.add("POST", "/items", available(items.create))
    router.add("GET", "/items/{id}", available(items.read))
    router.add("PUT", "/items/{id}", available(items.update))
    router.add("DELETE", "/items/{id}", available(items.delete))


if __name__ == "__main__":
    start("storage", routes)

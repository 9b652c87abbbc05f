"""The six dashboards, in the order of docs/observability.md."""

from deploy.observability.boards.crawl import CRAWL
from deploy.observability.boards.gateway import GATEWAY
from deploy.observability.boards.models import MODELS
from deploy.observability.boards.overview import OVERVIEW
from deploy.observability.boards.pipeline import PIPELINE
from deploy.observability.boards.stores import STORES

BOARDS = (OVERVIEW, GATEWAY, PIPELINE, CRAWL, STORES, MODELS)

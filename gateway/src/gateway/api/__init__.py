"""The HTTP API of the gateway itself: routes, schemas, the merged OpenAPI document and its pages."""

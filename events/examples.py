"""One valid message of each topic, as it stands on the wire; the AsyncAPI document shows them."""

from typing import Any

__all__ = ["EXAMPLES"]

EXAMPLES: dict[str, dict[str, Any]] = {
    "orders": {
        "event_id": "order-88213-placed",
        "customer_id": "C-1042",
        "occurred_at": "2026-03-14T09:26:53Z",
        "schema_version": 1,
        "type": "placed",
        "order_id": "88213",
        "amount": "59.80",
        "currency": "EUR",
        "items": [
            {"sku": "TEA-EARL-GREY", "quantity": 2, "price": "14.95", "category": "tea"},
            {"sku": "POT-IRON-08", "quantity": 1, "price": "29.90", "category": "kitchen"},
        ],
        "channel": "web",
    },
    "web-sessions": {
        "event_id": "session-5f0c71",
        "customer_id": "C-1042",
        "occurred_at": "2026-03-14T09:27:10.250Z",
        "session_id": "5f0c71",
        "started_at": "2026-03-14T09:14:02.114Z",
        "pages": 11,
        "duration_s": 788.1,
        "cart_adds": 2,
        "source": "newsletter",
        "device": "phone",
    },
    "customers": {
        "event_id": "crm-1042-7",
        "customer_id": "C-1042",
        "occurred_at": "2026-03-14T10:00:00+01:00",
        "signed_up_at": "2024-11-02T18:40:00Z",
        "age": 37,
        "gender": "female",
        "income": 48000,
        "country": "PT",
        "city": "Porto",
        "latitude": 41.15,
        "longitude": -8.61,
        "acquisition_source": "referral",
        "consent": {"marketing": True},
        "attributes": {"household_size": 3, "loyalty_tier": "silver"},
    },
    "exposures": {
        "event_id": "free-shipping-C-1042",
        "customer_id": "C-1042",
        "occurred_at": "2026-03-14T09:14:03Z",
        "experiment": "free-shipping",
        "variant": "B",
    },
    "conversions": {
        "event_id": "free-shipping-88213",
        "customer_id": "C-1042",
        "occurred_at": "2026-03-14T09:26:53Z",
        "experiment": "free-shipping",
        "value": 59.8,
        "currency": "EUR",
        "kind": "purchase",
    },
    "segment-changes": {
        "change_id": "C-1042:3",
        "customer_id": "C-1042",
        "change_number": 3,
        "changed_at": "2026-03-14T09:26:54.031Z",
        "cause": "activity",
        "segment_id": "s1",
        "segment": "High-Value Loyalists",
        "previous": "s5",
        "previous_segment": "At-Risk Customers",
        "baseline": 7,
        "model_version": 512,
    },
    "dead-letters": {
        "topic": "orders",
        "partition": 5,
        "offset": 120934,
        "reason": "amount: should be from 0 to 1000000000000, found -5",
        "key": "Qy0xMDQy",
        "value": (
            "eyJldmVudF9pZCI6ICIxIiwgImN1c3RvbWVyX2lkIjogIkMtMTA0MiIsICJvY2N1cnJlZF9hdCI6ICIyMDI2LTAzLTE0VDA5OjI2OjUzWiIs"
            "ICJvcmRlcl9pZCI6ICI4ODIxMyIsICJhbW91bnQiOiAtNSwgImN1cnJlbmN5IjogIkVVUiJ9"
        ),
        "dead_lettered_at": "2026-03-14T09:26:55Z",
    },
    "models": {
        "version": 512,
        "baseline": 7,
        "features": ["recency", "frequency", "monetary"],
        "centroids": [[-0.71, 1.32, 1.18], [0.94, -0.55, -0.48]],
        "counts": [2310, 7544],
        "updated_at": "2026-03-14T09:26:56Z",
    },
    "baselines": {
        "baseline": 7,
        "status": "approved",
        "created_at": "2026-03-14T03:00:12Z",
        "algorithm": "k-means",
        "features": ["recency", "frequency", "monetary"],
        "center": [81.4, 3.2, 214.7],
        "scale": [64.9, 2.8, 251.3],
        "segments": [
            {
                "segment_id": "s1",
                "segment": "High-Value Loyalists",
                "centroid": [-0.71, 1.32, 1.18],
                "profile": {"recency": 35.3, "frequency": 6.9, "monetary": 511.2},
                "customers": 2298,
            },
            {
                "segment_id": "s5",
                "segment": "At-Risk Customers",
                "centroid": [0.94, -0.55, -0.48],
                "profile": {"recency": 142.4, "frequency": 1.7, "monetary": 94.1},
                "customers": 7556,
            },
        ],
        "k": 2,
        "silhouette": 0.41,
        "inertia": 9120.7,
    },
}
"""By the topic's name without prefix."""

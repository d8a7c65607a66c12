"""What a map of the person's own says of a target."""

from pathlib import Path

from ...optimize.targeting import Engagement


def engagement_json(found: Engagement | None) -> dict | None:
    """For `target.json`."""
    if found is None:
        return None
    return {
        "map": found.name,
        "mean": found.mean,
        "rank": found.rank,
        "engaged": found.engaged,
        "strongest_mm": (1e3 * found.strongest).tolist(),
        "distance_mm": 1e3 * found.distance,
        "radius_mm": 1e3 * found.radius,
    }


def engagement_words(found: Engagement) -> str:
    """For people."""
    verdict = "engages the target" if found.engaged else "does NOT engage the target"
    return (
        f"{Path(found.name).name} {verdict}: it is larger there than in {found.rank:.0%} "
        f"of the search region, and largest {found.distance * 1e3:.0f} mm away"
    )

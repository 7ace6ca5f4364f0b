"""Reads metrics as Prometheus does."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


class Exposed:
    """The samples of a text in Prometheus' format; one that it would refuse is an error."""

    def __init__(self, text: str) -> None:
        """Parse the text; every family has a type and stands once."""
        self.families = list(text_string_to_metric_families(text))
        self.names = [family.name for family in self.families]
        assert len(self.names) == len(set(self.names)), "a family stands twice"
        assert "unknown" not in {family.type for family in self.families}
        self._samples = [sample for family in self.families for sample in family.samples]
        places = [(sample.name, frozenset(sample.labels.items())) for sample in self._samples]
        assert len(places) == len(set(places)), "a sample stands twice"

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that carry the labels."""
        return sum(self._of(name, labels).values())

    def one(self, name: str, **labels: str) -> float:
        """The only sample of this name that carries the labels."""
        found = self._of(name, labels)
        assert len(found) == 1, found
        return next(iter(found.values()))

    def values(self, label: str) -> set[str]:
        """What this label says anywhere."""
        return {sample.labels[label] for sample in self._samples if label in sample.labels}

    def _of(self, name: str, labels: Mapping[str, str]) -> dict[str, float]:
        return {
            str(sample.labels): sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        }

"""Has the documentation's site name files of the checkout, instead of linking to what it does not hold."""

from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

_ABOVE = "../../"


class OutsideLinks(Extension):
    """Turns each link that leads out of docs/ into its words, with the file's path in the checkout as their title."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name is Markdown's
        """Look at the links once all of them are made."""
        md.treeprocessors.register(_Renaming(md), "outside_links", priority=0)


class _Renaming(Treeprocessor):
    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            target = link.get("href", "")
            if target.startswith(_ABOVE):
                link.tag = "span"
                link.attrib.clear()
                link.set("title", f"{PurePosixPath(target.removeprefix(_ABOVE))}, in the checkout")


def makeExtension(**options: object) -> OutsideLinks:  # noqa: N802 - the name is Markdown's
    """Make the extension, as Markdown asks a module to."""
    return OutsideLinks(**options)

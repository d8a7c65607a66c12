"""Which of an image's two forms poses are in.

A NIfTI image can say twice where it lies, by its qform and by its sform, and heads are
where the sform says (the qform where there is none), as in SimNIBS. Where the two differ,
coordinates by the one are not those by the other.
"""

from dataclasses import dataclass


#: NIfTI's codes of what a form leads to, by the names that Brainsight gives them.
FORM_CODES = {
    "Scanner": 1,
    "Aligned": 2,
    "Talairach": 3,
    "MNI-152": 4,
    "Other-Template": 5,
}
TEMPLATE_SPACES = ("Talairach", "MNI-152", "Other-Template")

FORM_NAMES = {"Q": "qform", "S": "sform"}


@dataclass(frozen=True)
class ImageForm:
    """The coordinates of an image that poses are in.

    Attributes:
        letter: `Q` for its qform, `S` for its sform, empty where the file does not say.
        code: A name of `FORM_CODES`, or empty where the file does not say.
    """

    letter: str = ""
    code: str = ""

    @property
    def words(self) -> str:
        """The form in words."""
        name = FORM_NAMES.get(self.letter, "qform or sform")
        return f"{name} ({self.code})" if self.code else name


def form_note(form: ImageForm) -> str:
    """Say what is assumed of poses in an image's coordinates, without the image."""
    if form.code in TEMPLATE_SPACES:
        return (
            f"the coordinates are of the space {form.code}, by the image's {form.words}, "
            "and not of the head's own image. Export them in its Scanner or Aligned "
            "coordinates, or give the transformation (--transform)."
        )
    if not form.letter:
        return (
            "the file does not say whether its coordinates go by the image's qform or "
            "sform: they are taken for the head's, which goes by the sform."
        )
    return (
        f"the coordinates go by the image's {form.words} and are taken for the head's, "
        "which is right where qform and sform of its T1 are equal."
    )

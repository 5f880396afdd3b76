"""OCPI tariffs by short words: elements with restrictions, steps, taxes; least and most."""

import json

KINDS = {"energy": "ENERGY", "time": "TIME", "parking": "PARKING_TIME", "flat": "FLAT"}
LISTS = {"day_of_week"}
TEXTS = {"start_time", "end_time", "start_date", "end_date", "reservation"}


def element(**words):
    """`energy="0.40/500"` is a price and its step, `vat=` is of all of them; the rest restricts."""
    vat = {"vat": float(words.pop("vat"))} if "vat" in words else {}
    components = []
    for word, kind in KINDS.items():
        if word in words:
            price, _, step = str(words.pop(word)).partition("/")
            components.append(
                {"type": kind, "price": float(price), "step_size": int(step or 1), **vat}
            )
    restrictions = {name: restriction(name, value) for name, value in words.items()}
    return {"price_components": components, **({"restrictions": restrictions} if words else {})}


def restriction(name, value):
    if name in LISTS:
        return value.split(",")
    return value if name in TEXTS else float(value) if "." in str(value) else int(value)


def body(*elements, least=None, most=None, currency="CHF"):
    """`least` and `most` are gross, min_price and max_price."""
    limits = {
        name: {"excl_vat": float(amount), "incl_vat": float(amount)}
        for name, amount in (("min_price", least), ("max_price", most))
        if amount is not None
    }
    return json.dumps({"currency": currency, "elements": list(elements), **limits})

"""Drawings: layers of marks through Altair and vl-convert to one clean inline SVG.

A mark's ``ref`` (the row whose figure it prints, or all the rows) goes through Vega as its description and comes out as ``data-ref``.
Altair is imported when first used: it takes half a second that pages of tables alone do not need.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import theme
from .figure import alt_id

_REF = "row:"
#: What Vega writes and nothing here needs: names of marks for screen readers (the drawing has one text of its own),
#: classes, pointer settings.
_DROPPED = ("aria-label", "aria-roledescription", "aria-hidden", "role", "class", "pointer-events", "stroke-miterlimit")
_DEFAULTS = {
    "font-family": "inherit",
    "opacity": "1",
    "fill-opacity": "1",
    "stroke-opacity": "1",
    "font-weight": "normal",
    "text-anchor": "start",
    "transform": "translate(0,0)",
}


@dataclass(frozen=True)
class Scale:
    """A straight or logarithmic way from values to px; for drawings that hold more than one."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log(v) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


@dataclass
class Drawing:
    """Marks beside an x scale in the units of the data.

    ``left`` and ``right`` are the margins beside the plot in px; texts stand in them. y counts px downwards.
    ``at`` of a mark says what its x is: ``value`` (units of the data) or ``px`` (from the left edge of the drawing).
    """

    layout: theme.Layout
    left: int
    right: int
    domain: tuple[float, float]
    log: bool = False
    _layers: dict[tuple, list[dict]] = field(default_factory=dict)
    _axis: dict[str, Any] | None = None

    @property
    def plot_width(self) -> int:
        return self.layout.width - self.left - self.right

    def position(self, value: float) -> float:
        """Where a value lies, in px from the left edge of the drawing."""
        low, high = (math.log(v) for v in self.domain) if self.log else self.domain
        share = ((math.log(value) if self.log else value) - low) / (high - low)
        return self.left + share * self.plot_width

    def axis(self, ticks: Sequence[float], title: str) -> None:
        """The x axis, under the plot, with exactly these ticks."""
        self._axis = {
            "values": list(ticks),
            "title": title,
            "grid": False,
            "format": "~f",
            "labelFontSize": self.layout.small,
            "titleFontSize": self.layout.small,
            "titlePadding": 8,
        }

    def text(self, x: float, y: float, text: str, *, at: str = "px", align: str = "left", color: str = theme.INK,
             size: int | None = None, bold: bool = False, angle: int = 0, ref: str | tuple[str, ...] | None = None) -> None:  # fmt: skip
        """A line of text, centred on y; with an angle of 270 it runs upwards from y."""
        style = {"align": align, "baseline": "middle", "fontWeight": "bold" if bold else "normal", **({"angle": angle} if angle else {})}
        refs = ref if isinstance(ref, str) else " ".join(ref or ())
        self._add("text", at, style, x=x, y=y, text=text, color=color, size=size or self.layout.size, ref=_REF + refs)

    def tick(self, x: float, y: float, text: str, *, align: str = "center") -> None:
        """A value of a scale that the drawing has beside its x axis: no figure of a row."""
        self.text(x, y, text, align=align, color=theme.MUTED, size=self.layout.small)

    def rule(self, x: float, x2: float, y: float, y2: float, *, at: str = "value", color: str = theme.INK, width: float = 1.5) -> None:
        """A straight line."""
        self._add("rule", at, {"strokeWidth": width}, x=x, x2=x2, y=y, y2=y2, color=color)

    def point(
        self,
        x: float,
        y: float,
        *,
        at: str = "value",
        shape: str = "square",
        size: float = 80,
        color: str = theme.ACCENT,
        hollow: bool = False,
    ) -> None:
        """A symbol at a value; a hollow one is filled with the page's colour. ``size`` is its area in px²."""
        style = {"shape": shape, "strokeWidth": 1.5, "fillOpacity": 1, "strokeOpacity": 1}
        self._add("point", at, style, x=x, y=y, stroke=color, fill=theme.PAPER if hollow else color, size=size)

    def diamond(self, low: float, middle: float, high: float, y: float, *, height: float = 8, color: str = theme.ACCENT) -> None:
        """A pooled estimate: a diamond from limit to limit, highest at the estimate."""
        left, centre, right = (self.position(value) for value in (low, middle, high))
        path = f"M{left - centre:.2f},0L0,{-height:g}L{right - centre:.2f},0L0,{height:g}Z"
        # Vega draws a path in units of half the root of its size: at 4 those are px.
        self.point(middle, y, shape=path, size=4, color=color)

    def _add(self, kind: str, at: str, style: dict, **record: Any) -> None:
        key = (kind, at, tuple(sorted(style.items())))
        if at == "px":
            record = {k: v - self.left if k in ("x", "x2") else v for k, v in record.items()}
        self._layers.setdefault(key, []).append(record)

    def svg(self, figure: str, height: float) -> str:
        """The drawing as inline SVG. The name of its ``figure`` makes its ids one of a kind; the figure says what is drawn."""
        import altair as alt
        import vl_convert

        raw = {channel: {"scale": None, "legend": None} for channel in ("color", "size", "stroke", "fill")}
        layers = []
        axis = self._axis
        for (kind, at, style), records in self._layers.items():
            encoding: dict[str, Any] = {"y": alt.Y("y:Q", scale=None, axis=None)}
            if at == "value":
                scale = alt.Scale(type="log" if self.log else "linear", domain=list(self.domain), nice=False, zero=False)
                encoding["x"] = alt.X("x:Q", scale=scale, axis=alt.Axis(**axis) if axis else None)
                axis = None  # drawn once, by the first layer that has the scale
            else:
                encoding["x"] = alt.X("x:Q", scale=None, axis=None)
            for channel in ("x2", "y2"):
                if channel in records[0]:
                    encoding[channel] = {"x2": alt.X2, "y2": alt.Y2}[channel](channel)
            for channel, plain in raw.items():
                if channel in records[0]:
                    encoding[channel] = getattr(alt, channel.capitalize())(f"{channel}:{'Q' if channel == 'size' else 'N'}", **plain)
            if kind == "text":
                encoding["text"] = alt.Text("text:N")
                encoding["description"] = alt.Description("ref:N")
            chart = alt.Chart(alt.Data(values=records))
            layers.append(getattr(chart, f"mark_{kind}")(clip=False, **dict(style)).encode(**encoding))
        bottom = 44 if self._axis else 4
        chart = (
            alt.layer(*layers)
            .properties(
                width=self.plot_width,
                height=height,
                autosize="none",
                padding={"left": self.left, "right": self.right, "top": 4, "bottom": bottom},
            )
            .resolve_scale(
                x="independent", y="independent", color="independent", size="independent", stroke="independent", fill="independent"
            )
        )
        svg = vl_convert.vegalite_to_svg({**chart.to_dict(), "config": theme.config()})
        return clean(svg, f"fig-{figure}-{self.layout.name}", alt_id(figure))


def clean(svg: str, name: str, label: str) -> str:
    """Vega's SVG as it goes into a page: one image, labelled by the element ``label``, no noise, ids that are one of a kind."""
    root = ET.fromstring(svg)
    drawn = ET.Element("g", {"aria-hidden": "true"})
    refs: dict[ET.Element, list[str]] = {}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        described = element.get("aria-label", "")
        for attribute in _DROPPED:
            element.attrib.pop(attribute, None)
        if described.startswith(_REF) and described != _REF:
            refs[element] = described.removeprefix(_REF).split()
        for attribute, value in list(element.items()):
            if _DEFAULTS.get(attribute) == value:
                del element.attrib[attribute]
            elif attribute in ("transform", "x2", "y2"):
                element.set(attribute, _rounded(value))
            elif attribute == "id":
                element.set("id", f"{name}-{value}")
            elif "url(#" in value:
                element.set(attribute, value.replace("url(#", f"url(#{name}-"))
    _drop_empty(root)
    _address(root, refs)
    drawn.extend(list(root))
    width, height = root.get("width", ""), root.get("height", "")
    head = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": width,
            "height": height,
            "viewBox": root.get("viewBox", ""),
            "role": "img",
            "aria-labelledby": label,
        },
    )
    head.append(drawn)
    return ET.tostring(head, encoding="unicode")


def _address(element: ET.Element, refs: dict[ET.Element, list[str]]) -> None:
    """Give each text its address; one that is a figure of several rows stands in a group for each of the others."""
    for place, child in enumerate(list(element)):
        _address(child, refs)
        last, *others = reversed(refs.get(child, [""]))
        if last:
            child.set("data-ref", last)
        for ref in others:
            group = ET.Element("g", {"data-ref": ref})
            group.append(child)
            child = group
        element[place] = child


def _rounded(text: str) -> str:
    """Numbers to a hundredth of a px: more is noise of the machine that computed them."""
    return re.sub(r"-?\d+\.\d{3,}", lambda match: f"{float(match.group()):.2f}".rstrip("0").rstrip("."), text)


def _drop_empty(element: ET.Element) -> None:
    """Remove what draws nothing: Vega's invisible backgrounds, hidden labels, groups without content."""
    for child in list(element):
        _drop_empty(child)
        unseen = (
            child.get("display") == "none"
            or child.get("opacity") == "0"
            or (child.tag == "path" and not {"fill", "stroke"} & set(child.attrib))
        )
        if unseen or (child.tag in ("g", "defs") and not len(child)):
            element.remove(child)


def axis_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from low to high (1, 2 or 5 times a power of ten apart), about as many as wanted."""
    power = 10.0 ** math.floor(math.log10((high - low) / wanted))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs((high - low) / s - wanted))
    return [round(i * step, 10) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers for a log axis: 1, 2 and 5 times powers of ten."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [t for t in (round(m * 10.0**p, 10) for p in powers for m in (1, 2, 5)) if low <= t <= high]

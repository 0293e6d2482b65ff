"""Names of the inspections, by region, each with its synonyms.

Names are published; regions are inferred from geography, and synonyms are ours.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MERGED", "REGIONS", "REPORTED"]

REPORTED: Final = ("East of England", "South East", "East Midlands")
"""The regions of the aggregate report."""

MERGED: Final = {"Norfolk and Suffolk": ("Norfolk", "Suffolk")}
"""Trusts that were inspected in parts."""

REGIONS: Final = {
    "East of England": (
        ("Bedfordshire", "Beds"),
        ("Cambridgeshire", "Cambs", "Cambridgeshire & Peterborough"),
        ("Essex",),
        ("Hertfordshire", "Herts"),
        ("Norfolk",),
        ("Suffolk",),
    ),
    "South East": (
        ("Hampshire", "Hants"),
        ("Kent",),
        ("Surrey & Sussex",),
        ("Thames Valley",),
    ),
    "East Midlands": (
        ("Derbyshire", "Derbys"),
        ("Leicestershire & Rutland", "Leics & Rutland"),
        ("Lincolnshire", "Lincs"),
        ("Northamptonshire", "Northants"),
        ("Nottinghamshire", "Notts"),
    ),
    "South West": (
        ("Avon & Somerset",),
        ("Devon & Cornwall",),
        ("Dorset",),
        ("Gloucestershire", "Glos", "Gloucs"),
        ("Wiltshire", "Wilts"),
    ),
    "North West": (
        ("Cheshire",),
        ("Cumbria",),
        ("Greater Manchester", "Gtr Manchester"),
        ("Lancashire", "Lancs"),
        ("Merseyside",),
    ),
    "North East": (
        ("Durham Tees Valley", "DTV"),
        ("Northumbria",),
    ),
    "Yorkshire and the Humber": (
        ("Humberside",),
        ("South Yorkshire", "South Yorks", "S Yorkshire", "S Yorks"),
        ("West Yorkshire", "West Yorks", "W Yorkshire", "W Yorks"),
        (
            "York & North Yorkshire",
            "York & North Yorks",
            "York & N Yorkshire",
            "York & N Yorks",
            "North Yorkshire",
            "North Yorks",
            "N Yorkshire",
            "N Yorks",
        ),
    ),
    "West Midlands": (
        (
            "Staffordshire and West Midlands",
            "Staffordshire & W Midlands",
            "Staffs & West Midlands",
            "Staffs & W Midlands",
            "Staffs & West Mids",
            "Staffs & W Mids",
            "SWM",
        ),
        ("Warwickshire", "Warks", "Warwicks"),
        ("West Mercia", "W Mercia"),
    ),
    "London": (("London",),),
    "Wales": (("Wales", "Cymru", "Wales Cymru", "Cymru Wales"),),
}
"""For every region names and synonyms of its inspections."""

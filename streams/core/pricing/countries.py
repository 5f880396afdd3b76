"""The time zone of a country that has one, or of its mainland: a CDR's location tells no zone.

Codes are ISO 3166-1, alpha-3 as OCPI has them and alpha-2 as the field sends them; zones are those
of the IANA database. Countries of several zones are not here: local time is not guessed.
"""

_COUNTRIES = """
ALB AL Europe/Tirane        AND AD Europe/Andorra       ARE AE Asia/Dubai
AUT AT Europe/Vienna        BEL BE Europe/Brussels      BGR BG Europe/Sofia
BIH BA Europe/Sarajevo      BLR BY Europe/Minsk         CHE CH Europe/Zurich
CYP CY Asia/Nicosia         CZE CZ Europe/Prague        DEU DE Europe/Berlin
DNK DK Europe/Copenhagen    ESP ES Europe/Madrid        EST EE Europe/Tallinn
FIN FI Europe/Helsinki      FRA FR Europe/Paris         FRO FO Atlantic/Faroe
GBR GB Europe/London        GEO GE Asia/Tbilisi         GIB GI Europe/Gibraltar
GRC GR Europe/Athens        HRV HR Europe/Zagreb        HUN HU Europe/Budapest
IND IN Asia/Kolkata         IRL IE Europe/Dublin        ISL IS Atlantic/Reykjavik
ISR IL Asia/Jerusalem       ITA IT Europe/Rome          JPN JP Asia/Tokyo
KOR KR Asia/Seoul           LIE LI Europe/Vaduz         LTU LT Europe/Vilnius
LUX LU Europe/Luxembourg    LVA LV Europe/Riga          MAR MA Africa/Casablanca
MCO MC Europe/Monaco        MDA MD Europe/Chisinau      MKD MK Europe/Skopje
MLT MT Europe/Malta         MNE ME Europe/Podgorica     NLD NL Europe/Amsterdam
NOR NO Europe/Oslo          POL PL Europe/Warsaw        PRT PT Europe/Lisbon
ROU RO Europe/Bucharest     SGP SG Asia/Singapore       SMR SM Europe/San_Marino
SRB RS Europe/Belgrade      SVK SK Europe/Bratislava    SVN SI Europe/Ljubljana
SWE SE Europe/Stockholm     TUN TN Africa/Tunis         TUR TR Europe/Istanbul
UKR UA Europe/Kyiv          VAT VA Europe/Vatican       XKX XK Europe/Belgrade
ZAF ZA Africa/Johannesburg
"""


def _table() -> dict[str, str]:
    words = _COUNTRIES.split()
    found: dict[str, str] = {}
    for long, short, zone in zip(words[::3], words[1::3], words[2::3], strict=True):
        found[long] = found[short] = zone
    return found


_ZONES = _table()


def zone_of_country(code: str) -> str:
    """Empty: not known, or more than one."""
    return _ZONES.get(code.strip().upper(), "")

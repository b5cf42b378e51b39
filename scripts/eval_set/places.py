"""States by their codes, for the cities of all halves."""

STATES = {
    "NC": "North Carolina", "MN": "Minnesota", "ID": "Idaho", "PA": "Pennsylvania", "GA": "Georgia", "AZ": "Arizona", "IL": "Illinois", "MO": "Missouri",
    "OR": "Oregon", "ME": "Maine", "OH": "Ohio", "AL": "Alabama", "WI": "Wisconsin", "ND": "North Dakota", "NY": "New York", "FL": "Florida", "TX": "Texas",
    "CO": "Colorado", "SC": "South Carolina", "WA": "Washington", "TN": "Tennessee", "NV": "Nevada", "CA": "California", "KS": "Kansas", "VA": "Virginia",
    "LA": "Louisiana", "MT": "Montana", "SD": "South Dakota", "VT": "Vermont",
    "MS": "Mississippi", "DE": "Delaware", "OK": "Oklahoma", "NE": "Nebraska", "IA": "Iowa", "MI": "Michigan", "NM": "New Mexico",
}

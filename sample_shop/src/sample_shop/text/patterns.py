"""The sentences.

Every `{field}` is drawn anew from the vocabulary of the same name; the `&`, `<` and quotes are there to be
escaped.
"""

TITLES = (
    "The {adjective} {noun}",
    "The {noun} of {place}",
    "{count} {plural} in {place}",
    "What the {noun} Knew",
    "{name}'s {adjective} {noun}",
    "On {craft} & {craft}",
    "Letters from {place}",
    "A Better {noun} for {name}",
    "{plural} and Other {plural}",
    "The {noun} at the End of {place}",
    "{name} and the {adjective} {noun}",
    "{adjective} {plural}",
    "The Art of {craft}: Lessons from {place}",
    "The {noun} Who Came to {place} (Tales of the {adjective} Coast #{volume})",
    "Before the {noun}, After the {noun}",
    "{place} by {noun}",
)

OPENINGS = (
    "When {name} {surname} inherits the {noun} in {place}, nothing in the town stays quite where it was.",
    "Every morning for {count} years, {name} {surname} crosses {place} with the same question & no answer.",
    "In the winter that the harbour of {place} froze, somebody began leaving {plural} on doorsteps.",
    "{name} {surname} came to {place} for a weekend; that was {count} summers ago.",
    "There is one {noun} left in {place}, and two families who each swear that it is theirs.",
    "Nobody in {place} remembers who ordered the {noun}, least of all {name} {surname}, who signed for it.",
    "This is a book about {craft}, written by someone who learnt it late and is still bad at it.",
    "One {noun}, {count} {plural} and an unsent letter: so begins {name} {surname}'s longest night.",
)

MIDDLES = (
    "Between the tramlines and the sea, old debts come due & old friends arrive uninvited.",
    "With the {noun} under one arm and a list of {plural} under the other, we learn that 2 < 3.",
    "Part memoir, part manual, it wanders from {place} to {place} and never once hurries.",
    "What follows is a story of {plural}, small kindnesses and the price of telling the truth slowly.",
    'Chapter by chapter the "facts" of the case turn out to be somebody else\'s {plural}.',
    "{name} {surname} writes of {craft} with such good humour that the rain seems part of the plan.",
    "The diagrams alone (if depth > 4, use the longer rope) are worth the journey to {place}.",
    "Along the way there are {count} recipes, one of which works.",
    "It is also, quietly, a history of {place} told through its {plural}.",
)

ENDINGS = (
    "Readers who loved the first page will find {count} more surprises on the last.",
    "\"Warm, wry & impossible to lend,\" says the {place} Evening Post.",
    "With a new afterword by {name} {surname} and a map that folds the right way.",
    "Translated from the notebooks of {name} {surname}.",
    "Best read near a window, with something baking.",
    "A note for the curious: the chapter called <Home> is not missing, it is merely late.",
    "Shortlisted for the {adjective} {Noun} Prize.",
)  # fmt: skip

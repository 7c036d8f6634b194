"""Training, measuring and exporting the networks of Ocelli.

Modules in reading order: `boxes` (the one box convention), `annotations`, `cache`, `crops`, `augment`,
`targets`, `loader` (the data path); `nets`, `losses`, `train` (learning); `pyramid`, `detect`, `evaluate`
(measuring); `graph`, `export`, `toy`, `card` (what leaves this folder).
"""

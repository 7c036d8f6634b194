//! Text made safe for a page, and colours.

/// Colours of the detectors, told apart on light and dark ground and by most colour-blind eyes.
pub(super) const COLOURS: [(u8, u8, u8); 8] = [
    (0x3b, 0x8f, 0xd9),
    (0xe8, 0x62, 0x2c),
    (0x1a, 0xa3, 0x7a),
    (0xc9, 0x6a, 0xb0),
    (0xd9, 0x9a, 0x00),
    (0x7a, 0x6f, 0xf0),
    (0xd1, 0x3a, 0x4a),
    (0x6f, 0x8a, 0x2b),
];

/// The colour of a detector, as CSS writes it.
pub(super) fn colour(detector_ix: usize) -> String {
    let (r, g, b) = COLOURS[detector_ix % COLOURS.len()];
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Text in which nothing is markup: names come from files of strangers.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A share with three decimals.
pub(super) fn share(value: Option<f64>) -> String {
    value.map_or("–".into(), |v| format!("{v:.3}"))
}

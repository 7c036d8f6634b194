// The list of what was found: how many records there were, even those that found no room, and their words.
struct Found {
    count: atomic<u32>,
    spare0: u32,
    spare1: u32,
    spare2: u32,
    words: array<u32>,
}

//! How far a run is, for whoever polls: told by the run itself, and nowhere on record.

/// Rounds and what they have found by now. A run that starts again tells it again, from its recorded hops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rounds that are over.
    pub rounds_done: u32,
    /// Rounds at most.
    pub rounds_max: u32,
    /// The fields that have a value by now, in the order of the result.
    pub found: Vec<FoundField>,
}

/// A field and what it would be if the run ended now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundField {
    /// Its name in the result.
    pub field: Box<str>,
    /// On one line.
    pub value: Box<str>,
    /// In percent.
    pub confidence: u32,
}

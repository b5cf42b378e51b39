//! What a run has learned for later ones: numbers, never a word of what was asked or answered.

use serde::{Deserialize, Serialize};

/// What one question of a run brought. What its numbers stand for is the enricher's, by [`Lessons::version`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// Which kind of question.
    pub question: u8,
    /// A bit for each thing that was lacking before it.
    pub lacking: u16,
    /// A bit for each of these of which it brought something.
    pub brought: u16,
}

/// What a run has learned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lessons {
    /// Which numbering of questions and wants it is in; 0 where nothing was learned.
    pub version: u16,
    /// A lesson for each question, in their order.
    pub asked: Vec<Lesson>,
}

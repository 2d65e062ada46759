//! What several rules need: how symbols are written, which bodies codes and names stand for, how
//! alike two titles are, the one walk over all words, and the passages that stand twice.

pub mod bodies;
pub mod clauses;
pub mod dates;
pub mod figures;
pub mod mentions;
pub mod notation;
pub mod numbering;
pub mod repeats;
pub mod text;
pub mod walk;

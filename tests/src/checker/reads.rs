//! What the read side showed (invariants R1-R3).

use super::{Findings, History, Rule};

pub(super) fn check(history: &History, found: &mut Findings) {
    for read in &history.reads {
        if read.seen.is_none_or(|it| it < read.acknowledged) {
            found.note(Rule::ReadsNeverGoBack, &read.aggregate, read.to_string());
        }
    }
    for table in history.tables.iter().filter(|it| it.live != it.replayed) {
        let what = format!("live {}, replayed {}", table.live, table.replayed);
        found.note(Rule::ReadModelsAreTheFold, &table.name, what);
    }
}
